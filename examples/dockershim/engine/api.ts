// The parts of the Docker Engine's JSON that the shim reads and writes, under the engine's names. Times are RFC 3339 in UTC with
// nanoseconds; a time that was never reached is year 1.

/** GET /version, with the API that the shim uses. */
export interface EngineVersion {
  /** Such as `20.10.24+dfsg1`. */
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion: string;
  readonly agreedApi: string;
}

/** GET /info. */
export interface EngineInfo {
  /** Identifies the engine; survives its restarts. */
  readonly ID: string;
  readonly Driver: string;
  readonly DockerRootDir: string;
  readonly CgroupDriver: "cgroupfs" | "systemd" | "none";
  readonly CgroupVersion: "1" | "2";
  /** Such as `name=seccomp,profile=default`. */
  readonly SecurityOptions: readonly string[];
  readonly Runtimes: Readonly<Record<string, unknown>>;
  readonly DefaultRuntime: string;
  readonly MemTotal: number;
}

export type EngineState = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

/** The phases of a container for CRI. */
export type Phase = "created" | "running" | "exited";

/** Returns the phase of a state: a paused container, and one that restarts, still run. */
export function phaseOf(state: EngineState): Phase {
  if (state === "created") return "created";
  return state === "running" || state === "paused" || state === "restarting" ? "running" : "exited";
}

/** An entry of GET /containers/json. */
export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly State: EngineState;
  readonly Labels: Readonly<Record<string, string>>;
}

/** GET /containers/ID/json. */
export interface ContainerDetails {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  /** The id of its image: `sha256:…`. */
  readonly Image: string;
  /** The path of the json-file log on this host; "" before the first start. */
  readonly LogPath: string;
  readonly ResolvConfPath: string;
  readonly State: {
    readonly Status: EngineState;
    readonly Running: boolean;
    readonly OOMKilled: boolean;
    /** The process on this host; 0 if it does not run. */
    readonly Pid: number;
    readonly ExitCode: number;
    /** Why a start has failed. */
    readonly Error: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  readonly Config: {
    readonly Image: string;
    readonly Labels: Readonly<Record<string, string>>;
    readonly Env: readonly string[] | null;
    readonly Tty: boolean;
    readonly OpenStdin: boolean;
    readonly StdinOnce: boolean;
    readonly User: string;
    readonly StopSignal?: string;
  };
  readonly HostConfig: HostConfig;
  readonly Mounts: readonly EngineMount[];
  readonly GraphDriver: { readonly Name: string; readonly Data: Readonly<Record<string, string>> | null };
}

/** An entry of a container's `Mounts` in its details. */
export interface EngineMount {
  readonly Type: string;
  readonly Source: string;
  readonly Destination: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

/** What a container may use: `HostConfig`, and the body of POST /containers/ID/update. */
export interface EngineResources {
  readonly CpuShares?: number;
  readonly CpuPeriod?: number;
  readonly CpuQuota?: number;
  readonly CpusetCpus?: string;
  readonly CpusetMems?: string;
  readonly Memory?: number;
  readonly MemorySwap?: number;
  readonly PidsLimit?: number | null;
}

/** The body of POST /containers/create has this as `HostConfig`; details return it. */
export interface HostConfig extends EngineResources {
  readonly CgroupParent?: string;
  readonly NetworkMode?: string;
  readonly IpcMode?: string;
  readonly PidMode?: string;
  readonly UTSMode?: string;
  readonly UsernsMode?: string;
  readonly CgroupnsMode?: string;
  readonly Privileged?: boolean;
  readonly ReadonlyRootfs?: boolean;
  readonly CapAdd?: readonly string[];
  readonly CapDrop?: readonly string[];
  readonly SecurityOpt?: readonly string[];
  readonly MaskedPaths?: readonly string[] | null;
  readonly ReadonlyPaths?: readonly string[] | null;
  readonly GroupAdd?: readonly string[];
  readonly OomScoreAdj?: number;
  readonly Sysctls?: Readonly<Record<string, string>>;
  readonly Devices?: readonly {
    readonly PathOnHost: string;
    readonly PathInContainer: string;
    readonly CgroupPermissions: string;
  }[];
  readonly Mounts?: readonly MountRequest[];
  readonly LogConfig?: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
  readonly RestartPolicy?: { readonly Name: string };
  readonly Runtime?: string;
  readonly ShmSize?: number;
  readonly Ulimits?: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
}

/** A mount to create. */
export interface MountRequest {
  readonly Type: "bind" | "tmpfs" | "volume" | "image";
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: boolean;
  readonly BindOptions?: {
    readonly Propagation?: string;
    /** From API 1.42 on: creates a missing source as a directory. */
    readonly CreateMountpoint?: boolean;
    /** From API 1.44 on: submounts of a read-only mount stay writable. */
    readonly ReadOnlyNonRecursive?: boolean;
    /** From API 1.44 on: fails if submounts cannot be made read-only. */
    readonly ReadOnlyForceRecursive?: boolean;
  };
}

/** The body of POST /containers/create. */
export interface CreateRequest {
  readonly Image: string;
  readonly Hostname?: string;
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Tty?: boolean;
  readonly OpenStdin?: boolean;
  readonly StdinOnce?: boolean;
  readonly StopSignal?: string;
  readonly Healthcheck?: { readonly Test: readonly string[] };
  readonly HostConfig: HostConfig;
}

/** GET /exec/ID/json. */
export interface ExecDetails {
  readonly Running: boolean;
  readonly ExitCode: number | null;
  /** The process on this host. */
  readonly Pid: number;
}

/** A message of GET /events. */
export interface EngineEvent {
  readonly Type: string;
  /** Such as `start`, `die`, or `exec_start: COMMAND`. */
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  /** In nanoseconds: larger than a number can hold exactly. */
  readonly timeNano: number;
}

/** GET /images/NAME/json. */
export interface ImageDetails extends ImageSummary {
  readonly Created?: string;
  readonly Architecture: string;
  readonly Os: string;
  readonly RootFS: { readonly Type: string; readonly Layers?: readonly string[] };
  readonly Config: {
    readonly User?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Volumes?: Readonly<Record<string, unknown>> | null;
  } | null;
}

/** An entry of GET /images/json. */
export interface ImageSummary {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Size: number;
}

/** A line of POST /images/create. */
export interface PullProgress {
  /** Why the pull has failed. */
  readonly error?: string;
}

/** GET /system/df with the types image and container. */
export interface DiskUsage {
  /** The size of all layers of images, each counted once. */
  readonly LayersSize: number;
  readonly Containers: readonly { readonly SizeRw?: number }[] | null;
}
