import { invalidOption } from "../core/index.js";
import type { SessionOptions } from "./command.js";
import { positive } from "./options.js";
import { encodeResize, type TerminalSize } from "./resize.js";
import type { Channel } from "./wire.js";

/** What a session needs to know, complete and checked. */
export interface SessionPlan {
  readonly channels: readonly Channel[];
  readonly tty: boolean;
  readonly size: TerminalSize;
  readonly keepStdinOpen: boolean;
  readonly startTimeoutMs: number;
  readonly exitGraceMs: number;
  readonly keepAliveMs: number;
  /** What errors call the endpoint. */
  readonly endpoint: string;
}

/** What the options of a session come to. Throws `invalid_option`. */
export function planSession(
  options: SessionOptions,
): Pick<SessionPlan, "channels" | "tty" | "size" | "keepStdinOpen" | "exitGraceMs"> {
  const { stdin = false, stdout = true, tty = false, stderr = !tty } = options;
  const { size = { columns: 80, rows: 24 }, keepStdinOpen = tty, exitGraceMs = 5_000 } = options;
  if (tty && stderr)
    throw invalidOption("stderr", true, "must not be asked for with tty: a terminal has one output");
  if (!stdin && !stdout && !stderr)
    throw invalidOption("stdout", false, "must be asked for, or stdin or stderr");
  if (options.size && !tty) throw invalidOption("size", options.size, "is for sessions with tty: true");
  encodeResize(size);
  const wanted: readonly (readonly [Channel, boolean])[] = [
    ["error", true],
    ["stdin", stdin],
    ["stdout", stdout],
    ["stderr", stderr],
    ["resize", tty],
  ];
  return {
    channels: wanted.filter(([, wants]) => wants).map(([channel]) => channel),
    tty,
    size,
    keepStdinOpen,
    exitGraceMs: positive("exitGraceMs", exitGraceMs),
  };
}
