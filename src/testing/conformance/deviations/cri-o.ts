import type { Deviations } from "../case.js";

const unknownCode = "CRI-O fails with Unknown and a sentence for an unknown id";
const answersUrl = "CRI-O returns a URL in every state and reports the failure on the stream";

const waitsForDeadline =
  "CRI-O gives a container that ignores SIGTERM, or was never started, the deadline of StopPodSandbox and RemoveContainer";
const cgroupfs = "with cgroupfs, CRI-O leaves cpu, memory and process of LinuxPodSandboxStats unset";

/** CRI-O 1.37 with crun, the cgroupfs driver, and `enable_pod_events = true`, which is not the default. */
export const crio137: Deviations = {
  "sandbox.status-has-the-labels": "CRI-O adds the label io.kubernetes.container.name=POD to sandboxes",
  "sandbox.stop-ends-its-containers": waitsForDeadline,
  "sandbox.remove-removes-its-containers": waitsForDeadline,
  "container.remove-ends-a-running-one": waitsForDeadline,
  "container.remove-accepts-a-created-one": waitsForDeadline,
  "container.list-item-equals-status":
    "created_at of CRI-O is the time of the request in lists, and about 50 ms later in a container's status",
  "container.filter-by-label": "a filter of CRI-O by an empty value selects what lacks the label, too",
  "container.status-has-the-stop-signal": "CRI-O honors stop_signal, and reports 0",
  "stats.pod-has-cpu-time": cgroupfs,
  "stats.pod-has-memory": cgroupfs,
  "stats.pod-has-processes": cgroupfs,
  "events.sandbox-is-created": "CRI-O sends no CONTAINER_CREATED_EVENT for a sandbox",
  "events.sandbox-is-deleted":
    "CRI-O sends no CONTAINER_DELETED_EVENT for the objects that RemovePodSandbox removes",
  "idempotence.container-stopped-twice":
    "StopContainer of CRI-O sets finished_at of an exited container again",
  "idempotence.log-reopened-twice": "ReopenContainerLog of CRI-O truncates a log that was not rotated",
  "errors.create-in-none": unknownCode,
  "errors.exec-in-none": unknownCode,
  "errors.attach-to-none": unknownCode,
  "errors.port-forward-to-none": answersUrl,
  "errors.container-stats-of-none": unknownCode,
  "errors.pod-stats-of-none": unknownCode,
  "errors.update-of-none": unknownCode,
  "errors.reopen-log-of-none": unknownCode,
  "errors.exec-sync-in-a-created-one": "CRI-O runs commands in a container that was created but not started",
  "errors.exec-in-a-created-one": answersUrl,
  "errors.exec-in-an-exited-one": answersUrl,
  "errors.attach-to-an-exited-one": answersUrl,
  "errors.port-forward-to-a-stopped-one": answersUrl,
  "errors.attach-without-streams": "CRI-O fails with Unknown for an Attach without a stream",
};
