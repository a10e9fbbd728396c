import type { Duplex, Readable, Writable } from "node:stream";
import type { TerminalSize } from "../../../streaming/index.js";
import type { Clock } from "../clock.js";

/** What a scripted process is given. */
export interface ProgramContext {
  /** The command line: the program's name and its arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** CRI `working_dir`; `/` where none was asked for. */
  readonly workingDir: string;
  /** The id of the container that it runs in. */
  readonly containerId: string;
  /** The image as the container's config named it. */
  readonly image: string;
  /** Ends at once where nobody may send input. */
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** With a terminal, the same as `stdout`. */
  readonly stderr: Writable;
  readonly tty: boolean;
  /** The terminal's size as it was last told. */
  readonly size: TerminalSize;
  /**
   * Fires with the first signal that asks the process to end: its reason is the signal's name, `SIGTERM`. A program that
   * throws the reason ends as a process ends that the signal kills, with 143; one that goes on ignores the signal. After
   * SIGKILL the process counts as dead, whatever the program does.
   */
  readonly signal: AbortSignal;
  /** Called with every signal but SIGKILL, as it comes. */
  onSignal(heard: (name: NodeJS.Signals) => void): void;
  /**
   * The runtime's clock: {@link VirtualClock} stands still until a test moves it. `sleep` hears the process's signal, or
   * the one that it is given; the process's end it hears always.
   */
  readonly clock: Clock;
  /** Listens on a port of the pod; connections come from port-forward. Ends with the process. Throws for a port that is taken. */
  listen(port: number, accept: (connection: Duplex) => void): void;
  /** Sets what stats tell of the process. */
  use(usage: { readonly cpuNanos?: bigint; readonly memoryBytes?: bigint }): void;
}

/**
 * A container's process as a function. Resolves to its exit code, 0 for none. What it throws is printed to its stderr,
 * and its exit code is 1.
 */
export type Program = (
  context: ProgramContext,
) => number | void | Promise<void> | Promise<number | undefined>;
