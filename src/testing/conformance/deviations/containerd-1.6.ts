import type { Deviations } from "./index.js";

const noEvents = "containerd 1.6 has no GetContainerEvents";
const noStreams = "containerd 1.6 is older than the Stream* RPCs of Kubernetes 1.36";
const ignoresFilter = "containerd ignores the filter of ListImages, and lists every image";
const stopsNotFound = "containerd 1.6 answers NotFound to stopping what is gone; callers take it for success";

/** containerd 1.6, as run: 1.6.20 of Debian. */
export const containerd16: Deviations = {
  "runtime.status-lists-the-default-handler": "containerd 1.6 tells of no runtime handlers in Status",
  "runtime.status-tells-of-features": "containerd 1.6 tells of no features in Status",
  "runtime.config-names-the-cgroup-driver": "containerd 1.6 has no RuntimeConfig",
  "sandbox.resources-update-is-taken": "containerd 1.6 has no UpdatePodSandboxResources",
  "container.status-tells-of-stop-signal":
    "containerd 1.6 does not know ContainerConfig.stop_signal, and reports none",
  "image.filter-by-name": ignoresFilter,
  "image.filter-by-unknown-name": ignoresFilter,
  "stats.pod-list-has-all":
    "in containerd 1.6, one sandbox that is not ready makes ListPodSandboxStats without a filter fail",
  "stats.metrics-are-described": "containerd 1.6 has no ListMetricDescriptors",
  "stats.metrics-have-their-labels":
    "containerd 1.6 has no ListMetricDescriptors and no ListPodSandboxMetrics",
  "events.container-has-four": noEvents,
  "events.exit-is-a-stop": noEvents,
  "events.created-has-the-container": noEvents,
  "events.started-has-the-container": noEvents,
  "events.deleted-lacks-the-container": noEvents,
  "events.container-events-have-the-sandbox": noEvents,
  "events.have-a-time": noEvents,
  "events.sandbox-is-created": noEvents,
  "events.sandbox-is-started": noEvents,
  "events.sandbox-is-stopped": noEvents,
  "events.sandbox-is-deleted": noEvents,
  "events.commands-have-none": noEvents,
  "events.come-to-every-reader": noEvents,
  "events.go-on-when-a-reader-leaves": noEvents,
  "idempotence.removed-sandbox-stopped": stopsNotFound,
  "idempotence.unknown-sandbox-stopped": stopsNotFound,
  "idempotence.unknown-container-stopped": stopsNotFound,
  "limits.streamed-sandboxes-are-the-list": noStreams,
  "limits.streamed-containers-are-the-list": noStreams,
  "limits.streamed-container-stats-are-the-list": noStreams,
  "limits.streamed-pod-stats-are-the-list": noStreams,
  "limits.streamed-metrics-have-the-pod": noStreams,
  "limits.streamed-images-are-the-list": noStreams,
};
