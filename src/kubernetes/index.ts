// The room of Pod manifests on a node. The door `cri-sdk/kubernetes` (`src/kubernetes.ts`) lists what is public.
export type * from "./api/index.js";
export { clockCheck, criCheck, keyed } from "./argument-checks.js";
export * from "./config/index.js";
export { nodeFactsTable } from "./config/input-checks.js";
export { isCriticalPod, isStaticPod } from "./critical-pods.js";
export {
  type DefaultedContainer,
  type DefaultedContainerPort,
  type DefaultedEphemeralContainer,
  type DefaultedHTTPGetAction,
  type DefaultedLifecycle,
  type DefaultedLifecycleHandler,
  type DefaultedObjectMeta,
  type DefaultedPod,
  type DefaultedPodSpec,
  type DefaultedProbe,
  type DefaultedVolume,
  defaultPod,
} from "./defaults/index.js";
export { HostFiles } from "./facts/host-files.js";
export { type HugePages, hugePagesOf, meminfoBytes } from "./facts/memory.js";
export { nodeFacts } from "./facts/node-facts.js";
export {
  containerFields,
  emptyDirFields,
  envFromFields,
  envSourceFields,
  ephemeralContainerFields,
  type FieldInput,
  type FieldSupport,
  type FieldTable,
  lifecycleFields,
  lifecycleHandlerFields,
  metadataFields,
  podFields,
  podSecurityFields,
  portFields,
  probeFields,
  projectionFields,
  resourceFields,
  securityFields,
  volumeFields,
  volumeMountFields,
} from "./fields.js";
export { lifecycleHooks } from "./hooks/hooks.js";
export {
  type CredentialPlugin,
  type CredentialPluginsOptions,
  credentialPlugins,
} from "./images/credential-plugins.js";
export { type NodeDockerConfigOptions, nodeDockerConfig } from "./images/node-docker-config.js";
export { type PodImagesOptions, podImages } from "./images/pod-images.js";
export {
  type ManifestNotice,
  type ManifestObject,
  type ManifestPlace,
  type ParsedManifests,
  type ParseManifestsOptions,
  parseManifests,
} from "./manifests/index.js";
export { durationText } from "./messages.js";
export { LocalNodeFiles, type LocalNodeFilesOptions } from "./node/local-node-files.js";
export type { NodeFiles, PreparedContainer, PreparedPod } from "./node/node-files.js";

export { podFolder, podLogFolder, podsFolder, volumeFolder } from "./node/pod-paths.js";

export type { UserNamespaceIds } from "./node/user-namespaces.js";
export { isRoot, userStateFolder } from "./node/user-rights.js";
export type {
  PluginVolumeSource,
  UnmountVolume,
  VolumePlugin,
  VolumePluginContext,
  VolumePlugins,
} from "./node/volume-plugin.js";
export { volumePluginsTable } from "./node/volume-plugin.js";
export type { PlayInputs, PlayPodOptions } from "./play/options.js";
export type { PlayLogsOptions } from "./play/play-logs.js";
export { playPod, podPlanner } from "./play/play-pod.js";
export { type InPlayedPodOptions, PlayedPod, type PlayStopOptions } from "./play/played-pod.js";
export { isAlive, PlayRecords } from "./play/records.js";
export { volumeFileReader } from "./play/volume-file-reader.js";
export type { PlayCondition, PlayWaitOptions } from "./play/wait.js";
export type { ProbeOutcome, ProbeRunner, ProbeTarget } from "./probes/outcome.js";
export { probesFactory } from "./probes/prober.js";
export { probeRunner } from "./probes/run-probe.js";
export type { FieldProblem, FieldProblemKind } from "./schema/index.js";
export { StartError, type StartErrorDetails, type WaitingReason } from "./start-error.js";
export {
  disruptionTarget,
  disruptionType,
  ownConditionTypes,
  unmetReadinessGates,
} from "./status/conditions.js";
export {
  deadlineMs,
  isRestartingAllContainers,
  isTerminalPhase,
  podStatus,
} from "./status/pod-status.js";
export { publishedStatus } from "./status/published-status.js";
export type { PodFailure, PodStatusInput, ResizeStatus, WaitingState } from "./status/status-input.js";
export { podStatusJson, podStatusOf, timeText } from "./status/status-json.js";
export { formatAge, podStatusWord } from "./status/status-words.js";
export { readTerminationMessage } from "./status/termination-message.js";
export { checkPod, type ValidatePodOptions, validatePod } from "./validation/index.js";
export { type ContainerReset, type PodActions, type PodActionsState, podActions } from "./worker/actions.js";
export {
  decideRestart,
  RestartBackOff,
  type RestartBackOffOptions,
  type RestartDecision,
  restartBackOffTable,
} from "./worker/back-off.js";
export { type Clock, steadyMs, systemClock } from "./worker/clock.js";
export type { ContainerKill, KillReason } from "./worker/container-kills.js";
export {
  killGraceSeconds,
  type PodGraceOptions,
  podGraceSeconds,
  remainingGraceSeconds,
  stopTimeoutSeconds,
} from "./worker/grace.js";
export { killPod, type PodKillParts } from "./worker/kill-pod.js";
export { type ContainerInSandbox, observedPod } from "./worker/observation.js";
export { observePod } from "./worker/observe.js";
export type {
  ObservedContainer,
  ObservedPod,
  ObservedResources,
  ObservedSandbox,
} from "./worker/observed.js";
export { removePodCgroup } from "./worker/pod-cgroup.js";
export { EventChanges } from "./worker/pod-changes.js";
export { PodSubscribers } from "./worker/pod-subscribers.js";
export { PodWorker, type PodWorkerOptions, type TerminateOptions } from "./worker/pod-worker.js";
export type {
  EventRecorder,
  Hooks,
  PendingResize,
  PodCgroups,
  PodChanges,
  PodImages,
  PodPlanner,
  PodProbes,
  PodResizing,
  PodRuntime,
  PodWorkerEvent,
  PodWorkerParts,
  ProbeState,
  ProbesFactory,
  ResizableResource,
} from "./worker/ports.js";
export type { ProbeStates } from "./worker/probe-states.js";
export { obsolete, type RemovalParts, removeInstances, removeSandboxes } from "./worker/prune.js";
export { type RemovePodOptions, removePod } from "./worker/remove-pod.js";
export {
  type ContainerResize,
  hasEqualAmounts,
  resizableContainersOf,
  resizeMessage,
} from "./worker/resize.js";
export { restartsAfter } from "./worker/restart-rules.js";
export {
  type ContainerTermination,
  type TerminationOptions,
  type TerminationPlan,
  terminationPlan,
} from "./worker/termination.js";
export { Timer } from "./worker/timer.js";
