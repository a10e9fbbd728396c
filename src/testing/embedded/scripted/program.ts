import type { Duplex, Readable, Writable } from "node:stream";
import type { TerminalSize } from "../../../streaming/index.js";
import type { Clock } from "../clock.js";
import type { DriverDns, DriverMount, DriverUser, ProcessSpec } from "../driver.js";

/** What a program can use: its command line, environment, streams, signals, clock and ports. */
export interface ProgramContext {
  /** The program's name and its arguments. */
  readonly args: readonly string[];
  /** The environment variables: those of the image, then those of the config. */
  readonly env: Readonly<Record<string, string>>;
  /** CRI `working_dir`; `/` where the config sets none. */
  readonly workingDir: string;
  /** The id of the container that the program runs in. */
  readonly containerId: string;
  /** The image, as the container's config names it. */
  readonly image: string;
  /** Ends at once in a container or exec without stdin. */
  readonly stdin: Readable;
  /** The output, which the log of the container has. */
  readonly stdout: Writable;
  /** With a terminal, the same stream as `stdout`. */
  readonly stderr: Writable;
  /** Whether the program has a terminal. */
  readonly tty: boolean;
  /** The current size of the terminal; 80 columns and 24 rows by default. */
  readonly size: TerminalSize;
  /**
   * Fires with the first signal whose default action ends a process; its reason is the signal's name, such as `SIGTERM`. A
   * program that throws the reason exits as if the signal had killed it, with 143 for SIGTERM; a program that continues
   * ignores the signal. After SIGKILL the process counts as exited, whatever the program does.
   */
  readonly signal: AbortSignal;
  /** Calls back with each signal except SIGKILL. */
  onSignal(callback: (name: NodeJS.Signals) => void): void;
  /**
   * The runtime's clock; a {@link VirtualClock} stands still until the test advances it. `sleep` rejects when `signal`
   * fires, or when the signal that it was called with does, and always when the process exits.
   */
  readonly clock: Clock;
  /** The pod's own loopback address; undefined on the host's network. */
  readonly podIp: string | undefined;
  /** CRI `dns_config`; undefined where the pod's config has none. */
  readonly dns: DriverDns | undefined;
  /** The user and the groups; undefined for a name that neither the image nor the config resolves. */
  readonly user: DriverUser | undefined;
  /** The container's mounts. A function sees no other file system: read a mount at its `hostPath`, and an image volume in `files`. */
  readonly mounts: readonly DriverMount[];
  /**
   * Listens on a port of the pod until the process exits: for port-forward and host ports at once, and at `podIp` as soon as the
   * promise resolves. The promise rejects when this host refuses the port, for example a port below 1024 without root; it need not be
   * awaited. Throws when another process of the pod listens on the port.
   */
  listen(port: number, accept: (connection: Duplex) => void): Promise<void>;
  /** Sets what stats report for the process. */
  reportUsage(usage: { readonly cpuNanos?: bigint; readonly memoryBytes?: bigint }): void;
}

/**
 * A process as a function. It returns the exit code, or nothing for 0. If it throws, the error's message is written to
 * stderr, and the exit code is 1.
 */
export type Program = (
  context: ProgramContext,
) => number | void | Promise<void> | Promise<number | undefined>;

/** The programs of scripted containers: by the first word of the command line, or as a function that selects a program. */
export type Programs = Readonly<Record<string, Program>> | ((spec: ProcessSpec) => Program | undefined);
