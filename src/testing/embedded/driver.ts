// The interface between the embedded runtime and its drivers, which run the containers. The runtime knows CRI: states, names,
// filters, events, logs, sessions, errors. A driver knows processes, streams and ports, but not CRI. There are two drivers:
// `scripted/driver.ts` (functions of a test) and `host/driver.ts` (processes of this host). To add a third one, implement
// `Driver` in a folder of its own, add an option to `options.ts` that selects it, create it in `openDriver()` in
// `embedded-runtime.ts`, and add it to the drivers in `test/testing/embedded/conformance.test.ts`, which holds it to the
// rules of CRI.
import type { Duplex, Readable, Writable } from "node:stream";
import type { TerminalSize } from "../../streaming/index.js";

/** A pod, as far as a driver needs to know it. */
export interface DriverPod {
  /** The sandbox id. */
  readonly id: string;
  /** The pod's own loopback address; undefined for a pod on the host's network. */
  readonly ip: string | undefined;
  readonly hostname: string;
  /** CRI `dns_config`; undefined where the pod uses the resolver of the host. */
  readonly dns: DriverDns | undefined;
}

/** CRI `DNSConfig`: the content of a pod's `/etc/resolv.conf`. @inline */
export interface DriverDns {
  /** The addresses of name servers. */
  readonly servers: readonly string[];
  /** The search domains. */
  readonly searches: readonly string[];
  /** Options such as `ndots:5`. */
  readonly options: readonly string[];
}

/** Files of an image by their absolute, normalized path: `/etc/passwd`. @inline */
export type ImageFiles = ReadonlyMap<string, Uint8Array>;

/** CRI `Mount`, as far as a driver needs to know it. @inline */
export interface DriverMount {
  /** The path in the container. */
  readonly containerPath: string;
  /** The path on this host; "" for the mount of an image. */
  readonly hostPath: string;
  /** Whether the container cannot write to it. */
  readonly readonly: boolean;
  /** The content of an image volume; paths are relative to the mount, with a leading slash. Undefined for a path of the host. */
  readonly files?: ImageFiles | undefined;
}

/** CRI `Device`, as far as a driver needs to know it. */
export interface DriverDevice {
  readonly containerPath: string;
  readonly hostPath: string;
}

/** The user of a container's processes, as `id` reports it. @inline */
export interface DriverUser {
  /** The user id. */
  readonly uid: number;
  /** The id of the primary group. */
  readonly gid: number;
  /** The groups of the processes, the primary group first. */
  readonly groups: readonly number[];
}

/** A container, as far as a driver needs to know it. */
export interface DriverContainer {
  /** The container id, unique within the runtime. */
  readonly id: string;
  readonly pod: DriverPod;
  /** The image, as the container's config names it. */
  readonly image: string;
  /** The files of the image; empty where the catalogue defines none. */
  readonly imageFiles: ImageFiles;
  readonly mounts: readonly DriverMount[];
  readonly devices: readonly DriverDevice[];
  /** The user of its processes: `uid` or a name, optionally with `:gid` or a group's name; undefined where none is specified. */
  readonly user: string | undefined;
  /** Groups of its processes in addition to the primary one. */
  readonly supplementalGroups: readonly number[];
  /** Whether the groups that the image's `/etc/group` gives the user are added. */
  readonly mergeGroups: boolean;
}

/** A process to run in a container: its main process, or that of an exec. */
export interface ProcessSpec {
  /** The program and its arguments; at least one element. */
  readonly args: readonly string[];
  /** The environment variables. */
  readonly env: Readonly<Record<string, string>>;
  /** A path in the container; "" for its root. */
  readonly workingDir: string;
  /** Whether the process has a terminal. */
  readonly tty: boolean;
  /** The initial size of the terminal, where it is known. */
  readonly size?: TerminalSize | undefined;
  /** Whether the process gets input. Without it, reading stdin returns the end of the input at once. */
  readonly stdin: boolean;
}

/** How a process ended. */
export interface ProcessExit {
  /** The exit code; 128 plus the number of the signal that killed the process. */
  readonly exitCode: number;
}

/** The resources that a process, or all processes of a container, use. */
export interface ResourceUsage {
  /** CPU time since the start, in nanoseconds. Must not decrease while the container runs. */
  readonly cpuNanos: bigint;
  /** Resident memory, in bytes. */
  readonly memoryBytes: bigint;
  readonly processes: number;
}

/** {@link ResourceUsage} with what is more expensive to read. Counters are sums over the processes that are running. */
export interface DetailedUsage extends ResourceUsage {
  readonly userNanos: bigint;
  readonly systemNanos: bigint;
  /** The sum of the largest resident memory of each process, in bytes. */
  readonly maxMemoryBytes: bigint;
  /** Resident memory that is not mapped from files, in bytes. */
  readonly ownMemoryBytes: bigint;
  /** Resident memory that is mapped from files, in bytes. */
  readonly fileMemoryBytes: bigint;
  readonly swapBytes: bigint;
  readonly minorFaults: bigint;
  readonly majorFaults: bigint;
  readonly threads: number;
  readonly openFiles: number;
  readonly sockets: number;
  /** The soft limit of open files of the main process; undefined for none. */
  readonly maxOpenFiles: bigint | undefined;
  /** Bytes and calls that reached the storage layer. */
  readonly readBytes: bigint;
  readonly writtenBytes: bigint;
  readonly reads: bigint;
  readonly writes: bigint;
  /** The file system of the container's files; undefined for a driver without files. */
  readonly fileSystem:
    | { readonly bytes: bigint; readonly inodes: bigint; readonly freeInodes: bigint }
    | undefined;
}

/** The files of a container, without what its mounts link to. */
export interface DiskUsage {
  /** The space that is allocated for them. */
  readonly bytes: bigint;
  readonly inodes: bigint;
}

/** A running process. Its outputs end first; then `exit` resolves. */
export interface DriverProcess {
  /** The process id on this host; undefined for a process that has none. Becomes `pid` in the verbose ContainerStatus. */
  readonly pid: number | undefined;
  /**
   * Undefined when the spec has no `stdin`. Ending the stream ends the process's input. It must not fail after the process
   * exited.
   */
  readonly stdin: Writable | undefined;
  /** Must apply backpressure: a process whose output is not read is paused, and loses nothing. */
  readonly stdout: Readable;
  /** Undefined with `tty`: a terminal has one output, which is `stdout`. */
  readonly stderr: Readable | undefined;
  /** Resolves once, after the outputs have ended or were destroyed. Never rejects. */
  readonly exit: Promise<ProcessExit>;
  /**
   * Sends a signal to the process. `SIGKILL` must end the process with all its descendants, whatever it does. Does nothing
   * after the exit. Never throws.
   */
  kill(signal: NodeJS.Signals): void;
  /** Sets the size of the terminal, and sends `SIGWINCH`. Does nothing without a terminal, and after the exit. */
  resize(size: TerminalSize): void;
}

/**
 * Runs the processes of containers. The runtime calls the methods in this order for a container: `create` once; `start` for
 * the main process, then for each exec; `remove` once or more. Calls for different containers are concurrent, and `remove`
 * may be called while a `start` is in flight. `connect` and `usage` may be called at any time.
 *
 * Errors that a client should see are {@link CriError}s with the reasons named below; the runtime passes them on.
 */
export interface Driver extends AsyncDisposable {
  /** The driver's name, for the verbose Status and ContainerStatus. */
  readonly kind: string;
  /**
   * One sentence about what containers are with this driver, for the verbose Status: "containers are functions of a test".
   */
  readonly notice: string;
  /**
   * A folder of this host in the file system of the containers' files: CRI `fs_id.mountpoint`. It must exist, because kubelets call
   * statfs(2) on it.
   */
  readonly folder: string;
  /** Whether its processes listen on ports of the host itself, whatever the pod's address is. */
  readonly sharesHostPorts: boolean;
  /**
   * Prepares a container: folders, mounts, the user. Starts no process. Must leave nothing behind when it rejects; the
   * runtime then forgets the container without calling `remove`. Rejects with `invalid_request` for a config that the
   * driver cannot honor. Resolves with the user of the container's processes, where it is known.
   */
  create(container: DriverContainer): Promise<DriverUser | undefined>;
  /**
   * Starts a process. The first one that starts in a container is its main process, and its exit must end all other
   * processes of the container, as the end of a PID namespace does. A start that failed may be repeated. Rejects with
   * `exec_not_started` when the program cannot be started (its text must say "no such file", "permission denied" and so on,
   * as real runtimes do), with `wrong_state` after the main process exited or the container was removed, and where the
   * driver has no terminals.
   */
  start(container: DriverContainer, spec: ProcessSpec): Promise<DriverProcess>;
  /**
   * Kills all processes of a container, and removes what `create` made. Resolves when they have ended. A `start` in flight
   * must be refused, or its process killed. Idempotent: does nothing for an unknown container.
   */
  remove(container: DriverContainer): Promise<void>;
  /**
   * Connects to a port that a process of the pod listens on, and to no other process's. Each half of the connection must be
   * able to end on its own. Rejects with `port_refused` when nothing listens.
   */
  connect(pod: DriverPod, port: number): Promise<Duplex>;
  /** Measures all processes of a container together; undefined when none is running. */
  usage(container: DriverContainer): Promise<ResourceUsage | undefined>;
  /** As `usage`, in more detail. */
  detailedUsage(container: DriverContainer): Promise<DetailedUsage | undefined>;
  /** Measures the files of a container, also of one that is not running. An unknown container has none. */
  diskUsage(container: DriverContainer): Promise<DiskUsage>;
  /** Kills all processes, removes all containers, and releases what the driver holds. Idempotent. */
  [Symbol.asyncDispose](): PromiseLike<void>;
}
