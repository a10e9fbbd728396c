import { OptionTable, option } from "../../core/index.js";
import type { Cri } from "../../cri.js";

/** A runtime to check and the resources that the checks may use. */
export interface ConformanceTarget {
  /** Connected with `normalize: false`, so that the checks see the runtime's own errors. */
  readonly cri: Cri;
  /** The images that the checks use. */
  readonly images: ConformanceImages;
  /** The command lines that the checks run in containers. */
  readonly commands: ConformanceCommands;
  /** A directory to which the runtime can write logs. */
  readonly directory: string;
  /** The parent of the pods' cgroups, `${cgroupParent}/UID`; undefined lets the runtime decide. */
  readonly cgroupParent?: string | undefined;
}

/** Images that the runtime can pull. */
export interface ConformanceImages {
  /** The image with the programs of the commands. */
  readonly main: string;
  /** Another tag of the same image. */
  readonly sameImage: string;
  /** A different, small image that nothing else uses. */
  readonly other: string;
  /** A reference in the same registry that does not exist. */
  readonly missing: string;
}

/** The command lines that the checks run; `shellCommands` has those for an image with a shell. */
export interface ConformanceCommands {
  /** Runs until a signal, an hour at most; ends at once, with any code, on SIGTERM. */
  readonly run: readonly string[];
  /**
   * Runs until a signal other than SIGTERM, an hour at most. If ignoring SIGTERM takes a moment, it prints a line `ready`
   * afterwards.
   */
  readonly ignoreTerm: readonly string[];
  /** Exits with this code. */
  exit(code: number): readonly string[];
  /** Prints to both outputs without adding a newline, and exits with code 0. */
  print(stdout: string, stderr?: string): readonly string[];
  /** Copies its input to its output until the input ends. */
  readonly cat: readonly string[];
  /** Prints the value of an environment variable, and a newline. */
  env(name: string): readonly string[];
  /** Prints the working directory, and a newline. */
  readonly pwd: readonly string[];
  /** Prints a line every 100 ms, `tick 1`, `tick 2`, ..., until a signal. */
  readonly tick: readonly string[];
  /** Prints this many bytes `x`, in lines of `width` bytes including the newline. */
  fill(bytes: number, width: number): readonly string[];
  /** Prints the terminal's size as `ROWS COLUMNS` and a newline every 100 ms, until a signal or the end of the terminal. */
  readonly terminalSizes: readonly string[];
  /** Echoes every connection to this port, until a signal. */
  listen(port: number): readonly string[];
  /** Sleeps this many seconds, then exits with code 0. */
  sleep(seconds: number): readonly string[];
}

const command = option.listOf(option.string);
const commandsTable = new OptionTable<ConformanceCommands>({
  run: option.required(command),
  ignoreTerm: option.required(command),
  exit: option.required(option.callback),
  print: option.required(option.callback),
  cat: option.required(command),
  env: option.required(option.callback),
  pwd: option.required(command),
  tick: option.required(command),
  fill: option.required(option.callback),
  terminalSizes: option.required(command),
  listen: option.required(option.callback),
  sleep: option.required(option.callback),
});
const imagesTable = new OptionTable<ConformanceImages>({
  main: option.required(option.nonEmptyString),
  sameImage: option.required(option.nonEmptyString),
  other: option.required(option.nonEmptyString),
  missing: option.required(option.nonEmptyString),
});

/** The fields of {@link ConformanceTarget}. */
export const targetTable = new OptionTable<ConformanceTarget>({
  cri: option.required(option.object),
  images: option.required(option.nested(imagesTable)),
  commands: option.required(option.handlers(commandsTable)),
  directory: option.required(option.string),
  cgroupParent: option.string,
});
