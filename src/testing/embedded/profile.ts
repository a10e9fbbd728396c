import { lackedBy } from "../../clients/rpcs.js";
import type { CriErrorCode, CriErrorReason } from "../../core/index.js";
import type { RpcName } from "../../transport/index.js";
import { containerd17Words, containerd21Words, crioWords, standardWords, type Words } from "./words.js";

/** A runtime that the embedded runtime can behave like. */
export type RuntimeLike = "containerd-1.7" | "containerd-2.1" | "cri-o";

/** What Status reports that a runtime can do: RuntimeFeatures, and RuntimeHandlerFeatures of each handler. */
export interface ReportedFeatures {
  readonly supplementalGroupsPolicy: boolean;
  readonly recursiveReadOnlyMounts: boolean;
}

/** A field of the CRI that some runtime does not know, or ignores on Linux. */
export type IgnoredField =
  | "windows"
  | "stop_signal"
  | "CDI_devices"
  | "mounts[].image"
  | "mounts[].image_sub_path"
  | "mounts[].recursive_read_only"
  | "mounts[].mount_options"
  | "supplemental_groups_policy";

/** All differences between runtimes that the embedded runtime reproduces. They were measured on the real ones. */
export interface Profile {
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  /** The RPCs that fail with `unimplemented`. */
  readonly unimplemented: readonly RpcName[];
  /** The gRPC codes of errors. Clients distinguish the errors by their texts. */
  readonly codes: Readonly<Record<ErrorKind, CriErrorCode>>;
  /** The fields of a sandbox's metadata that must not be empty. */
  readonly requiredMetadata: readonly ("name" | "namespace" | "uid")[];
  /** Whether image ids begin with `sha256:`. */
  readonly imageIds: "prefixed" | "bare";
  /**
   * What RemoveImage by a tag removes: the image, as the CRI specification says, or only the tag. CRI-O, which removes only the tag,
   * refuses to remove an image that a container was created from.
   */
  readonly removeImage: "image" | "tag";
  /**
   * How image names without a registry are resolved: as names on Docker Hub, or only by an alias for their repository. The images of the
   * catalogue that are on Docker Hub have aliases.
   */
  readonly shortNames: "on Docker Hub" | "by alias";
  /** How ExecSync reports that the command exceeded its timeout. */
  readonly execTimeout: "deadline" | "exit code -1";
  /** What ExecSync does in a container that was created, but not started. */
  readonly execInCreated: "refused" | "runs";
  /** What ExecSync does with output that is too large: it fails, or cuts the output and reports success. */
  readonly execOutput: "refused" | "cut";
  /** The result of a second RunPodSandbox or CreateContainer with the same metadata. */
  readonly repeatedCreate: "refused" | "the same id";
  /** What happens to RunPodSandbox for a pod that another call is creating: CRI-O holds it until its deadline. */
  readonly concurrentRun: "refused" | "held";
  /**
   * How long a container may run after its stop signal in StopPodSandbox, RemovePodSandbox and RemoveContainer. CRI-O gives it the
   * deadline of the call, even if it was never started, and meanwhile its lists of stats hang.
   */
  readonly graceOfRemoval: "none" | "the deadline";
  /**
   * Whether Ctrl-P Ctrl-Q on a terminal ends an attach session, as in CRI-O; containerd 1.6 to 2.1 pass these bytes to the container.
   */
  readonly detachKeys: boolean;
  /** Whether a label filter with an empty value also selects objects without the label. */
  readonly emptyLabelMatchesNone: boolean;
  /** `created_at` in the status of a container: that of lists, which is the time of the request, or the time when it was created. */
  readonly statusCreatedAt: "of the request" | "of the container";
  /** Whether StopContainer of an exited container sets its `finished_at` again. */
  readonly stopSetsFinishedAt: boolean;
  /** Whether ReopenContainerLog truncates a log that was not rotated. */
  readonly reopenTruncates: boolean;
  /** Where a state that does not allow a session is reported: by Exec, Attach and PortForward, or on the stream, after a URL. */
  readonly sessionChecks: "in the call" | "on the stream";
  /** The RPCs whose errors of a reason have the code `unknown`, and not that of the reason. */
  readonly unknownCodes: { readonly [R in CriErrorReason]?: readonly RpcName[] };
  /** Whether a container without a `log_path` has a log all the same, named after its id. */
  readonly logsWithoutPath: boolean;
  /** Whether RunPodSandbox publishes an event for the creation, in addition to the one for the start. */
  readonly podCreatedEvent: boolean;
  /** Whether RemovePodSandbox publishes an event. */
  readonly podDeletedEvents: boolean;
  /** Whether each event goes to all subscribers, or to one of them, round robin. */
  readonly eventDelivery: "to all" | "to one";
  /** What Status reports as the features of the runtime and its handlers; undefined for a runtime that reports neither. */
  readonly features: ReportedFeatures | undefined;
  /** The fields of configs that the runtime ignores without an error. */
  readonly ignores: readonly IgnoredField[];
  /** The texts of refused configs. */
  readonly words: Words;
  /** Which AppArmor profiles a host without AppArmor accepts. */
  readonly appArmor: "none" | "only the default" | "ignored";
  /** Whether ContainerStatus reports the user. */
  readonly reportsUser: boolean;
  /** Whether ContainerStatus reports the stop signal; CRI-O honors it, and reports RUNTIME_DEFAULT. */
  readonly reportsStopSignal: boolean;
  /** Labels that sandboxes have in addition to those of their configs. */
  readonly sandboxLabels: Readonly<Record<string, string>>;
  /** Whether stats of pods have CPU, memory and processes; CRI-O has none of them with cgroupfs. */
  readonly podUsage: boolean;
  /** ContainerStatus.image: a tag of the image, alone or with the other fields of the config's ImageSpec. */
  readonly statusImage: "tag" | "tag and spec";
  /** Whether the verbose statuses of sandboxes and containers contain their configs; CRI-O has parts of a pod's in annotations. */
  readonly reportsConfigs: boolean;
  /** Whether ContainerStats fails or responds without stats for a container that is not running. */
  readonly statsOfStopped: "refused" | "empty";
}

/** The errors whose codes differ between runtimes. */
export type ErrorKind =
  | "nameReserved"
  | "wrongState"
  | "ambiguousId"
  | "invalidRequest"
  | "unknownHandler"
  | "mountImageMissing";

const standard: Profile = {
  runtimeName: "cri-sdk-embedded",
  runtimeVersion: "0.1.0",
  unimplemented: lackedBy("embedded"),
  codes: {
    nameReserved: "already_exists",
    wrongState: "failed_precondition",
    ambiguousId: "invalid_argument",
    invalidRequest: "invalid_argument",
    unknownHandler: "invalid_argument",
    mountImageMissing: "not_found",
  },
  requiredMetadata: ["name", "namespace"],
  imageIds: "prefixed",
  removeImage: "image",
  shortNames: "on Docker Hub",
  execTimeout: "deadline",
  execInCreated: "refused",
  execOutput: "refused",
  repeatedCreate: "refused",
  concurrentRun: "refused",
  graceOfRemoval: "none",
  detachKeys: true,
  emptyLabelMatchesNone: false,
  statusCreatedAt: "of the request",
  stopSetsFinishedAt: false,
  reopenTruncates: false,
  sessionChecks: "in the call",
  unknownCodes: {},
  logsWithoutPath: false,
  podCreatedEvent: true,
  podDeletedEvents: true,
  eventDelivery: "to all",
  features: { supplementalGroupsPolicy: true, recursiveReadOnlyMounts: false },
  ignores: [],
  words: standardWords,
  appArmor: "only the default",
  reportsUser: true,
  reportsStopSignal: true,
  sandboxLabels: {},
  podUsage: true,
  statusImage: "tag and spec",
  reportsConfigs: true,
  statsOfStopped: "refused",
};

const unknownCodes: Profile["codes"] = {
  nameReserved: "unknown",
  wrongState: "unknown",
  ambiguousId: "unknown",
  invalidRequest: "unknown",
  unknownHandler: "unknown",
  mountImageMissing: "not_found",
};

const profiles: Readonly<Record<RuntimeLike, Profile>> = {
  "containerd-1.7": {
    ...standard,
    runtimeName: "containerd",
    runtimeVersion: "1.7.24",
    unimplemented: [...standard.unimplemented, ...lackedBy("containerd-1.7")],
    codes: unknownCodes,
    requiredMetadata: [],
    eventDelivery: "to one",
    detachKeys: false,
    features: undefined,
    ignores: [
      "windows",
      "stop_signal",
      "CDI_devices",
      "mounts[].image",
      "mounts[].image_sub_path",
      "mounts[].recursive_read_only",
      "mounts[].mount_options",
      "supplemental_groups_policy",
    ],
    words: containerd17Words,
    appArmor: "none",
    reportsUser: false,
    reportsStopSignal: false,
    statusImage: "tag",
  },
  "containerd-2.1": {
    ...standard,
    runtimeName: "containerd",
    runtimeVersion: "2.1.9",
    unimplemented: [...standard.unimplemented, ...lackedBy("containerd-2.1")],
    codes: { ...unknownCodes, nameReserved: "failed_precondition" },
    requiredMetadata: [],
    detachKeys: false,
    features: { supplementalGroupsPolicy: true, recursiveReadOnlyMounts: true },
    ignores: ["windows", "stop_signal", "mounts[].image_sub_path", "mounts[].mount_options"],
    words: containerd21Words,
    appArmor: "none",
    reportsStopSignal: false,
    statusImage: "tag",
  },
  "cri-o": {
    ...standard,
    runtimeName: "cri-o",
    runtimeVersion: "1.37.0",
    unimplemented: [...standard.unimplemented, ...lackedBy("cri-o")],
    codes: { ...unknownCodes, ambiguousId: "not_found", mountImageMissing: "unknown" },
    requiredMetadata: ["name", "namespace", "uid"],
    imageIds: "bare",
    removeImage: "tag",
    shortNames: "by alias",
    execTimeout: "exit code -1",
    execInCreated: "runs",
    execOutput: "cut",
    repeatedCreate: "the same id",
    concurrentRun: "held",
    graceOfRemoval: "the deadline",
    emptyLabelMatchesNone: true,
    statusCreatedAt: "of the container",
    stopSetsFinishedAt: true,
    reopenTruncates: true,
    sessionChecks: "on the stream",
    unknownCodes: {
      object_missing: [
        "createContainer",
        "exec",
        "attach",
        "containerStats",
        "podSandboxStats",
        "updateContainerResources",
        "reopenContainerLog",
      ],
      invalid_request: ["attach"],
    },
    logsWithoutPath: true,
    podCreatedEvent: false,
    podDeletedEvents: false,
    reportsConfigs: false,
    statsOfStopped: "empty",
    reportsStopSignal: false,
    sandboxLabels: { "io.kubernetes.container.name": "POD" },
    podUsage: false,
    ignores: ["windows", "mounts[].mount_options"],
    words: crioWords,
    appArmor: "ignored",
    statusImage: "tag",
  },
};

/** Returns the profile of a runtime; without a name, the one of the CRI specification. */
export function profileOf(like: RuntimeLike | undefined): Profile {
  return like === undefined ? standard : profiles[like];
}

/** The names of all profiles. */
export const runtimeLikes = Object.keys(profiles) as readonly RuntimeLike[];
