import type { CriError } from "../../core/index.js";
import type { LogCursor } from "./cursor.js";

/** Why a reader gives no more. */
export type LogEndReason =
  /** All that the log held was read. */
  | "end_of_file"
  /** `running` said that the container does not run, and all it printed was read. */
  | "container_ended"
  /** The file is gone, and nobody says that the container runs. */
  | "log_gone"
  /** `limitBytes` were given. */
  | "limit"
  /** A line at `until` or later was met, or that time is over. */
  | "until"
  /** The loop was left, the reader was closed, or its signal fired. */
  | "stopped"
  /** It failed, with `error`. */
  | "failed";

/** How a reader ended. */
export interface LogEnd {
  readonly reason: LogEndReason;
  /** Where to go on; undefined when nothing was opened. */
  readonly cursor: LogCursor | undefined;
  /** For `failed`: what the loop was left with. */
  readonly error?: CriError | undefined;
}
