import type { Deviations } from "./index.js";

const unknownCode = "CRI-O answers Unknown, with a sentence, where an id is not there";
const answersUrl = "CRI-O answers a URL whatever the state is, and tells of the failure on the stream";

/**
 * CRI-O 1.37. The suite was NOT run on it: these follow from single calls that were measured on 1.37.0, and there may
 * be more.
 */
export const crio137: Deviations = {
  "stats.pod-has-cpu-time": "CRI-O leaves LinuxPodSandboxStats.cpu unset",
  "events.sandbox-is-created": "CRI-O sends no CONTAINER_CREATED_EVENT for a sandbox",
  "events.sandbox-is-deleted": "CRI-O sends no CONTAINER_DELETED_EVENT for what RemovePodSandbox removes",
  "errors.create-in-none": unknownCode,
  "errors.exec-in-none": unknownCode,
  "errors.attach-to-none": unknownCode,
  "errors.port-forward-to-none": answersUrl,
  "errors.container-stats-of-none": unknownCode,
  "errors.pod-stats-of-none": unknownCode,
  "errors.update-of-none": unknownCode,
  "errors.reopen-log-of-none": unknownCode,
  "errors.exec-sync-in-a-created-one": "CRI-O runs commands in a container that was created and not started",
  "errors.exec-in-a-created-one": answersUrl,
  "errors.exec-in-an-exited-one": answersUrl,
  "errors.attach-to-an-exited-one": answersUrl,
  "errors.port-forward-to-a-stopped-one": answersUrl,
  "errors.attach-without-streams": "CRI-O answers Unknown to an Attach without a stream",
};
