export { type Backoff, type BackoffOptions, backoff } from "./backoff.js";
export { bounded } from "./bounded.js";
export type { CallOptions, HeadersInput } from "./call-options.js";
export { type CriErrorCode, codeFromNumber, codeToNumber, criErrorCodes } from "./codes.js";
export { nearest } from "./did-you-mean.js";
export {
  CriError,
  type CriErrorInit,
  describe,
  invalidOption,
  isCriError,
  type Leftover,
  type Problem,
} from "./errors.js";
export { signalOf } from "./exit-signal.js";
export {
  canonicalName,
  type ImageReference,
  parseReference,
  readReference,
  repositoryOf,
} from "./image-reference.js";
export { kubernetesLabels } from "./labels.js";
export { Lifeline, type Stoppable } from "./lifeline.js";
export { LateFailure, OutputStream, outputHighWaterBytes } from "./output-stream.js";
export { type CriErrorReason, criErrorReasons } from "./reasons.js";
export { deadlineError, stoppedError, whyStopped } from "./signals.js";
export { maxTimerMs, sleep } from "./sleep.js";
export { dateToNanos, nanosToDate, nanosToMs } from "./time.js";
export { checkTimeout } from "./timeout.js";
export type { TlsOptions } from "./tls-options.js";
export { unlessAborted } from "./unless-aborted.js";
export { isLeft, untilBreak } from "./until-break.js";
