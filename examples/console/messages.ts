// What the console's server and its page send each other, as JSON. The page imports only these types.

/** How a container's main process ended. Times are in milliseconds since 1970. */
export interface ExitRow {
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly reason: string;
  readonly text: string;
  readonly oomKilled: boolean;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
}

/** A pod sandbox. */
export interface PodRow {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: "ready" | "notReady";
  readonly createdAt: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** A container: one attempt. */
export interface ContainerRow {
  readonly id: string;
  /** A small number for messages with the usage of all containers. All attempts of a container have the same one. */
  readonly key: number;
  readonly podId: string;
  readonly name: string;
  readonly attempt: number;
  readonly state: "created" | "running" | "exited" | "unknown";
  readonly createdAt: number | undefined;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly exit: ExitRow | undefined;
  /** Undefined without a limit, or until it is known. */
  readonly memoryLimitBytes: number | undefined;
}

/** The usage of one container: its key, CPU in thousandths of a core, and memory in bytes; null where it is unknown. */
export type UsageRow = readonly [key: number, milliCores: number | null, memoryBytes: number | null];

/** The usage of one container over time, as plots in rows need it. The values begin with the first known one, and end at `SeriesRows.endAt`. */
export type SeriesRow = readonly [
  key: number,
  milliCores: readonly (number | null)[],
  memoryBytes: readonly (number | null)[],
];

/** The usage of the last minutes, one value per step. */
export interface SeriesRows {
  readonly stepMs: number;
  readonly endAt: number;
  readonly rows: readonly SeriesRow[];
}

/** One event of the node. */
export interface EventRow {
  /** Counts the events of this server. */
  readonly number: number;
  readonly at: number;
  readonly kind: "pod" | "container" | "runtime";
  readonly type: string;
  /** The id of the pod or container; "" for the runtime. */
  readonly id: string;
  /** `namespace/pod`, `namespace/pod/container`, or the endpoint. */
  readonly object: string;
  readonly text: string;
  readonly isWarning: boolean;
}

/** The runtime and this machine. */
export interface NodeInfo {
  readonly endpoint: string;
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: boolean;
    readonly reason: string;
    readonly message: string;
  }[];
  /** Undefined for a runtime on another machine, as the two below. */
  readonly hostName: string | undefined;
  readonly cores: number | undefined;
  readonly memoryBytes: number | undefined;
  /** Whether the server refuses terminals, stops and removals. */
  readonly readOnly: boolean;
}

/** Whether the runtime responds. */
export interface ConnectionState {
  readonly connected: boolean;
  readonly error: string | undefined;
}

/** What the server sends on the feed. `start` replaces everything that was known; the others change it. */
export type FeedMessage =
  | {
      readonly type: "start";
      readonly now: number;
      readonly intervalMs: number;
      readonly node: NodeInfo;
      readonly connection: ConnectionState;
      readonly pods: readonly PodRow[];
      readonly containers: readonly ContainerRow[];
      readonly usage: readonly UsageRow[];
      readonly series: SeriesRows;
      readonly events: readonly EventRow[];
    }
  | {
      readonly type: "change";
      readonly pods?: readonly PodRow[];
      readonly containers?: readonly ContainerRow[];
      /** Ids of pods and containers that were removed. */
      readonly removed?: readonly string[];
      readonly events?: readonly EventRow[];
      readonly connection?: ConnectionState;
      readonly node?: NodeInfo;
      /** The containers whose usage changed since the reading before. */
      readonly usage?: { readonly at: number; readonly rows: readonly UsageRow[] };
    };

/** A line of a log: its time in milliseconds since 1970, its stream, and its text. */
export type LogLine = readonly [at: number, stream: "stdout" | "stderr", text: string];

/** What the server sends of a log. */
export type LogMessage =
  | { readonly type: "lines"; readonly lines: readonly LogLine[] }
  | { readonly type: "notice"; readonly text: string }
  | { readonly type: "end"; readonly text: string }
  | { readonly type: "error"; readonly text: string };

/** What the server sends of a terminal, besides the bytes of its output. */
export type TerminalMessage =
  | { readonly type: "started"; readonly command: string }
  | { readonly type: "exit"; readonly exitCode: number; readonly signal: string | undefined }
  | { readonly type: "error"; readonly text: string };

/** What the page sends of a terminal, besides the bytes of its input. */
export type TerminalRequest =
  | { readonly type: "resize"; readonly columns: number; readonly rows: number }
  | Acknowledgement;

/** Says how many messages the page has shown. The server sends no more than a few in advance. */
export interface Acknowledgement {
  readonly type: "shown";
  readonly messages: number;
}

/** The usage of one container over the last minutes. */
export interface UsageHistory {
  readonly at: readonly number[];
  readonly milliCores: readonly (number | null)[];
  readonly memoryBytes: readonly (number | null)[];
}

/** A row of a list of names and values. */
export type Fact = readonly [name: string, value: string];

/** What the status of a container adds to its row. */
export interface ContainerDetails {
  readonly facts: readonly Fact[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly mounts: readonly {
    readonly containerPath: string;
    readonly hostPath: string;
    readonly readonly: boolean;
  }[];
  readonly startedAt: number | undefined;
}

/** What the status of a pod adds to its row. */
export interface PodDetails {
  readonly facts: readonly Fact[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** An image on the node. */
export interface ImageRow {
  readonly id: string;
  readonly names: readonly string[];
  readonly sizeBytes: number;
  readonly pinned: boolean;
  /** The ids of the containers that were created from it. */
  readonly usedBy: readonly string[];
}

/** A file system of images or of containers. */
export interface DiskRow {
  readonly kind: "images" | "containers" | "images and containers";
  readonly mountpoint: string;
  readonly usedBytes: number;
  readonly inodesUsed: number | undefined;
  /** Undefined where this process cannot ask the file system. */
  readonly capacityBytes: number | undefined;
  readonly availableBytes: number | undefined;
}

/** The response of `/api/images`. */
export interface ImagesAndDisk {
  readonly images: readonly ImageRow[];
  readonly disks: readonly DiskRow[];
}

/** The body of a request that changes something. */
export interface ChangeRequest {
  readonly action: "stop" | "remove";
  readonly kind: "pod" | "container";
  readonly id: string;
}

/** The response to a request that failed. */
export interface Failure {
  readonly error: string;
}
