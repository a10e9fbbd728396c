export { checkArgument, checkCommand, hasFunctions, type IdOrHandle, idOf } from "./arguments.js";
export { type Backoff, type BackoffOptions, backoff } from "./backoff.js";
export type { CallOptions, HeadersInput, TlsOptions } from "./call-options.js";
export { cancelOnReturn, isConsumerReturn } from "./cancel-on-return.js";
export {
  abortError,
  type Cancelable,
  CancellationScope,
  checkTimeout,
  countdown,
  deadlineError,
  type LinkedController,
  linkedController,
  maxTimerMs,
  onAbort,
  type RemainingMs,
  raceAbort,
  sleep,
  withDeadline,
} from "./cancellation.js";
export { ChangeSignal, type ChangeWaitOptions } from "./change-signal.js";
export { type CriErrorCode, codeFromNumber, codeToNumber, criErrorCodes } from "./codes.js";
export { ConcurrencyLimit } from "./concurrency-limit.js";
export { atEndOfTurn, monotonicMs } from "./deadlines.js";
export {
  CriError,
  type CriErrorDetails,
  type CriErrorInit,
  criError,
  describe,
  invalidOption,
  isCriError,
  type Leftover,
  type Problem,
  rawMessageOf,
} from "./errors.js";
export { signalOf } from "./exit-signal.js";
export {
  canonicalName,
  type ImageReference,
  parseReference,
  repositoryOf,
  tryParseReference,
} from "./image-reference.js";
export { isNode } from "./javascript-runtime.js";
export { jsonOf, withJson } from "./json.js";
export {
  backoffTable,
  callOptionsTable,
  headerRecordCheck,
  headersCheck,
  isPlainObject,
  option,
  referenceCheck,
  tlsTable,
} from "./option-checks.js";
export {
  type OptionCheck,
  type OptionChecks,
  type OptionProblem,
  OptionTable,
  optionError,
  type RequiredCheck,
  within,
} from "./options.js";
export { LateFailure, OutputStream, outputHighWaterBytes } from "./output-stream.js";
export { type ProcStat, parseProcStat, readProcStat, readProcText } from "./proc-stat.js";
export { onProcessExit } from "./process-exit.js";
export {
  codeOf,
  errorsOf,
  isBytes,
  isDate,
  isError,
  isKeyed,
  isPromiseLike,
  isRecord,
  messageOf,
  tagOf,
} from "./realms.js";
export { type CriErrorReason, criErrorReasons, type VaryingReason } from "./reasons.js";
export {
  FileRefused,
  maxConfigBytes,
  openRegularFile,
  readRegularFile,
  readRegularFileSync,
} from "./regular-file.js";
export { closestMatch } from "./suggestions.js";
export { dateToNanos, nanosToDate, nanosToMs } from "./time.js";
export { type ViolationReason, Violations } from "./violations.js";
export { kubernetesAnnotations, kubernetesLabels } from "./well-known-keys.js";
