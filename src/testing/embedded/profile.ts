import type { CriErrorCode } from "../../core/index.js";
import type { RpcName } from "../../transport/index.js";

/** A runtime whose measured ways the embedded runtime can take on. */
export type RuntimeLike = "containerd-1.7" | "containerd-2.1" | "cri-o";

/** In what runtimes differ, and the embedded runtime with them. */
export interface Profile {
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  /** RPCs that are answered with `unimplemented`. */
  readonly unimplemented: readonly RpcName[];
  /** The gRPC codes of refusals; the texts are what tells them apart. */
  readonly codes: Readonly<Record<RefusalKind, CriErrorCode>>;
  /** What of a sandbox's metadata must not be empty. */
  readonly requiredMetadata: readonly ("name" | "namespace" | "uid")[];
  /** How image ids look: `sha256:` before them or not. */
  readonly imageIds: "prefixed" | "bare";
  /** What RemoveImage by a tag removes: the image, as CRI says, or the tag. */
  readonly removeImage: "image" | "tag";
  /** How an ExecSync over its own timeout is told. */
  readonly execTimeout: "deadline" | "exit code -1";
  /** What a second RunPodSandbox or CreateContainer of the same metadata gets. */
  readonly repeatedCreate: "refused" | "the same id";
  /** Whether RunPodSandbox tells of the pod's creation, too, and not only of its start. */
  readonly podCreatedEvent: boolean;
  /** Whether RemovePodSandbox tells of what it removes. */
  readonly podDeletedEvents: boolean;
  /** Whether every subscriber hears of every event, or each event goes to one of them only. */
  readonly events: "to all" | "to one";
  /** Whether Status tells of handlers and features. */
  readonly tellsFeatures: boolean;
  /** Whether the verbose statuses of sandboxes and containers hold their configs. */
  readonly tellsConfigs: boolean;
  /** Whether stats of a container that does not run are an error. */
  readonly statsOfStopped: "refused" | "empty";
}

/** What a request can be refused for. */
export type RefusalKind = "reserved" | "state" | "ambiguous" | "invalid" | "handler";

const own: Profile = {
  runtimeName: "cri-sdk-embedded",
  runtimeVersion: "0.1.0",
  unimplemented: ["checkpointContainer", "checkpointPod", "restorePod"],
  codes: {
    reserved: "already_exists",
    state: "failed_precondition",
    ambiguous: "invalid_argument",
    invalid: "invalid_argument",
    handler: "invalid_argument",
  },
  requiredMetadata: ["name", "namespace"],
  imageIds: "prefixed",
  removeImage: "image",
  execTimeout: "deadline",
  repeatedCreate: "refused",
  podCreatedEvent: true,
  podDeletedEvents: true,
  events: "to all",
  tellsFeatures: true,
  tellsConfigs: true,
  statsOfStopped: "refused",
};

const unknownCodes: Profile["codes"] = {
  reserved: "unknown",
  state: "unknown",
  ambiguous: "unknown",
  invalid: "unknown",
  handler: "unknown",
};

const streams: readonly RpcName[] = [
  "streamPodSandboxes",
  "streamContainers",
  "streamContainerStats",
  "streamPodSandboxStats",
  "streamPodSandboxMetrics",
  "streamImages",
];
const notInContainerd: readonly RpcName[] = [
  ...own.unimplemented,
  ...streams,
  "listMetricDescriptors",
  "listPodSandboxMetrics",
  "updatePodSandboxResources",
];

const profiles: Readonly<Record<RuntimeLike, Profile>> = {
  "containerd-1.7": {
    ...own,
    runtimeName: "containerd",
    runtimeVersion: "1.7.24",
    unimplemented: [...notInContainerd, "runtimeConfig"],
    codes: unknownCodes,
    requiredMetadata: [],
    events: "to one",
    tellsFeatures: false,
  },
  "containerd-2.1": {
    ...own,
    runtimeName: "containerd",
    runtimeVersion: "2.1.9",
    unimplemented: notInContainerd,
    codes: { ...unknownCodes, reserved: "failed_precondition" },
    requiredMetadata: [],
  },
  "cri-o": {
    ...own,
    runtimeName: "cri-o",
    runtimeVersion: "1.37.0",
    unimplemented: ["checkpointPod", "restorePod", "checkpointContainer"],
    codes: { ...unknownCodes, ambiguous: "not_found" },
    requiredMetadata: ["name", "namespace", "uid"],
    imageIds: "bare",
    removeImage: "tag",
    execTimeout: "exit code -1",
    repeatedCreate: "the same id",
    podCreatedEvent: false,
    podDeletedEvents: false,
    tellsConfigs: false,
    statsOfStopped: "empty",
  },
};

/** The ways of a runtime; without a name, those that CRI's text asks for. */
export function profileOf(like: RuntimeLike | undefined): Profile {
  return like === undefined ? own : profiles[like];
}

/** Every runtime that can be asked for. */
export const runtimeLikes = Object.keys(profiles) as readonly RuntimeLike[];
