import type { Duplex, Readable, Writable } from "node:stream";
import type { TerminalSize } from "../../streaming/index.js";

/** What a driver is told of a pod. */
export interface DriverPod {
  /** The sandbox's id. */
  readonly id: string;
  /** The pod's own loopback address; undefined where it is on the host's network. */
  readonly ip: string | undefined;
  readonly hostname: string;
}

/** A mount as CRI asks for it. */
export interface DriverMount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
}

/** What a driver is told of a container. */
export interface DriverContainer {
  readonly id: string;
  readonly pod: DriverPod;
  /** The image as the container's config named it. */
  readonly image: string;
  readonly mounts: readonly DriverMount[];
  /** The user of the process: `uid`, `uid:gid` or a name; undefined for the one of this process. */
  readonly user: string | undefined;
}

/** A process to run in a container: its main one, or one that was exec'd. */
export interface ProcessSpec {
  /** The program and its arguments; at least one. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A path in the container; "" for its root. */
  readonly workingDir: string;
  readonly tty: boolean;
  /** The terminal's size from the start, where it is known by then. */
  readonly size?: TerminalSize | undefined;
  /** Whether somebody may send input; without, the process reads the end of it at once. */
  readonly stdin: boolean;
}

/** How a process ended; a signal's number is told as 128 more, as a shell tells it. */
export interface ProcessExit {
  readonly exitCode: number;
}

/** What one process, or all of a container, uses. */
export interface ResourceUsage {
  /** CPU time since the start, in nanoseconds. */
  readonly cpuNanos: bigint;
  /** Resident memory, in bytes. */
  readonly memoryBytes: bigint;
  readonly processes: number;
}

/** A process that runs. Its streams end, and then `exit` resolves; it never rejects. */
export interface DriverProcess {
  /** Undefined where there is no such thing. */
  readonly pid: number | undefined;
  /** Undefined without `stdin`. Ending it ends the process's input. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  /** Undefined with `tty`, whose output is all stdout. */
  readonly stderr: Readable | undefined;
  readonly exit: Promise<ProcessExit>;
  /** Sends a signal to the process. `SIGKILL` ends all that it started as well. Does nothing after its end. */
  kill(signal: NodeJS.Signals): void;
  /** Tells a terminal its size. */
  resize(size: TerminalSize): void;
}

/** What runs the processes of containers: of this host, or functions of a test. */
export interface Driver extends AsyncDisposable {
  readonly kind: "host" | "scripted";
  /** Makes a container's place. Rejects with a {@link CriError} that its creator is told. */
  create(container: DriverContainer): Promise<void>;
  /**
   * Starts a process in a container. Rejects with `exec_not_started` when the program cannot be started, with
   * `wrong_state` for a `tty` that cannot be had.
   */
  start(container: DriverContainer, process: ProcessSpec): Promise<DriverProcess>;
  /** Ends what is left of a container's processes, and removes its place. Idempotent. */
  remove(container: DriverContainer): Promise<void>;
  /** Connects to a port that a process of the pod listens on. Rejects with `port_refused`. */
  connect(pod: DriverPod, port: number): Promise<Duplex>;
  /** What all of a container's processes use together; undefined where none runs. */
  usage(container: DriverContainer): Promise<ResourceUsage | undefined>;
}
