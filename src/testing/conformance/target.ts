import type { Cri } from "../../cri.js";

/** A runtime to check, and what the checks may use of it. */
export interface ConformanceTarget {
  /** Connected with `normalize: false`: the checks look at what the runtime itself says. */
  readonly cri: Cri;
  readonly images: ConformanceImages;
  readonly commands: ConformanceCommands;
  /** A folder that the runtime can write logs to. */
  readonly directory: string;
  /** Where pods are put, `${cgroupParent}/UID`; undefined where the runtime decides. */
  readonly cgroupParent?: string | undefined;
}

/** Images that the runtime can pull. */
export interface ConformanceImages {
  /** Has what the commands need. */
  readonly main: string;
  /** Another tag of the same image. */
  readonly sameImage: string;
  /** A different, small image that no other check uses. */
  readonly other: string;
  /** A reference in the same registry that does not exist. */
  readonly missing: string;
}

/** What the checks let containers do, as command lines; `shellCommands` has those of an image with a shell. */
export interface ConformanceCommands {
  /** Runs until a signal, an hour at most; ends at once, with any code, on SIGTERM. */
  readonly run: readonly string[];
  /**
   * Runs until another signal than SIGTERM, an hour at most. Where it takes a moment until it ignores that one, it
   * prints a line `ready` then.
   */
  readonly ignoreTerm: readonly string[];
  /** Ends with this code. */
  exit(code: number): readonly string[];
  /** Prints to both outputs, without a newline of its own, and ends with code 0. */
  print(stdout: string, stderr?: string): readonly string[];
  /** Copies its input to its output, until the input's end. */
  readonly cat: readonly string[];
  /** Prints the value of an environment variable, and a newline. */
  env(name: string): readonly string[];
  /** Prints the working directory, and a newline. */
  readonly pwd: readonly string[];
  /** Prints a line each 100 ms, `tick 1`, `tick 2`, ..., until a signal. */
  readonly tick: readonly string[];
  /** Prints this many bytes `x`, in lines of `width` bytes including the newline. */
  fill(bytes: number, width: number): readonly string[];
  /** Prints the terminal's size as `ROWS COLUMNS` and a newline. */
  readonly terminalSize: readonly string[];
  /** Prints the terminal's size like that each 100 ms, until a signal, or the terminal is gone. */
  readonly terminalSizes: readonly string[];
  /** Answers every connection to this port with what it sent, until a signal. */
  listen(port: number): readonly string[];
  /** Sleeps this many seconds, then ends with code 0. */
  sleep(seconds: number): readonly string[];
}
