import type { Deviations } from "../case.js";

const noStreams = "containerd 1.7 is older than the Stream* RPCs of Kubernetes 1.36";
const ignoresFilter = "containerd ignores the filter of ListImages, and returns every image";

/** containerd 1.7 as tested: 1.7.24 of Debian. */
export const containerd17: Deviations = {
  "runtime.status-lists-the-default-handler": "containerd 1.7 reports no runtime handlers in Status",
  "runtime.status-reports-features": "containerd 1.7 reports no features in Status",
  "runtime.config-names-the-cgroup-driver": "containerd 1.7 has no RuntimeConfig",
  "sandbox.resources-update-is-accepted": "containerd 1.7 has no UpdatePodSandboxResources",
  "container.status-has-the-stop-signal":
    "containerd 1.7 does not know ContainerConfig.stop_signal, and reports none",
  "image.filter-by-name": ignoresFilter,
  "image.filter-by-unknown-name": ignoresFilter,
  "stats.metrics-are-described": "containerd 1.7 has no ListMetricDescriptors",
  "stats.metrics-have-their-labels":
    "containerd 1.7 has no ListMetricDescriptors and no ListPodSandboxMetrics",
  "events.reach-every-subscriber":
    "containerd 1.7 keeps one queue of events: each event goes to one reader only",
  "limits.streamed-sandboxes-are-the-list": noStreams,
  "limits.streamed-containers-are-the-list": noStreams,
  "limits.streamed-container-stats-are-the-list": noStreams,
  "limits.streamed-pod-stats-are-the-list": noStreams,
  "limits.streamed-metrics-have-the-pod": noStreams,
  "limits.streamed-images-are-the-list": noStreams,
};
