import type { CriErrorCode, CriErrorReason } from "../core/index.js";
import type { RpcName } from "../transport/index.js";

/** One way in which runtimes report one thing. A row applies where everything that it names fits. */
export interface Difference {
  readonly codes?: readonly CriErrorCode[];
  readonly methods?: readonly RpcName[];
  readonly text?: RegExp;
  /** What the caller sees instead of the runtime's own code. */
  readonly code: CriErrorCode;
  /** `runtime_error` leaves the error as it is, whatever later rows say. */
  readonly reason: CriErrorReason;
  readonly hint?: string;
}
