import type { Deviations } from "../case.js";

const noEvents = "containerd 1.6 has no GetContainerEvents";
const noStreams = "containerd 1.6 is older than the Stream* RPCs of Kubernetes 1.36";
const ignoresFilter = "containerd ignores the filter of ListImages, and returns every image";
const stopsNotFound =
  "containerd 1.6 fails with NotFound when a removed object is stopped; clients treat that as success";

/** containerd 1.6 as tested: 1.6.20 of Debian. */
export const containerd16: Deviations = {
  "runtime.status-lists-the-default-handler": "containerd 1.6 reports no runtime handlers in Status",
  "runtime.status-reports-features": "containerd 1.6 reports no features in Status",
  "runtime.config-names-the-cgroup-driver": "containerd 1.6 has no RuntimeConfig",
  "sandbox.resources-update-is-accepted": "containerd 1.6 has no UpdatePodSandboxResources",
  "container.status-has-the-stop-signal":
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
  "events.reach-every-subscriber": noEvents,
  "events.continue-after-a-disconnect": noEvents,
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
