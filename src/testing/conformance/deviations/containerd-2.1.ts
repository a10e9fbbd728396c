import type { Deviations } from "../case.js";

const noStreams = "containerd 2.1 is older than the Stream* RPCs of Kubernetes 1.36";
const ignoresFilter = "containerd ignores the filter of ListImages, and returns every image";

/** containerd 2.1 as tested: 2.1.9 of Debian. */
export const containerd21: Deviations = {
  "sandbox.resources-update-is-accepted": "containerd 2.1 has no UpdatePodSandboxResources",
  "container.status-has-the-stop-signal":
    "containerd 2.1 does not know ContainerConfig.stop_signal, and reports none",
  "image.filter-by-name": ignoresFilter,
  "image.filter-by-unknown-name": ignoresFilter,
  "stats.metrics-are-described": "containerd 2.1 has no ListMetricDescriptors",
  "stats.metrics-have-their-labels":
    "containerd 2.1 has no ListMetricDescriptors and no ListPodSandboxMetrics",
  "errors.create-in-a-stopped-one":
    "containerd 2.1 does not check the sandbox's state in CreateContainer; StartContainer fails",
  "limits.streamed-sandboxes-are-the-list": noStreams,
  "limits.streamed-containers-are-the-list": noStreams,
  "limits.streamed-container-stats-are-the-list": noStreams,
  "limits.streamed-pod-stats-are-the-list": noStreams,
  "limits.streamed-metrics-have-the-pod": noStreams,
  "limits.streamed-images-are-the-list": noStreams,
};
