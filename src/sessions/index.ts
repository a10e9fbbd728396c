export type {
  CopyFromOptions,
  CopyOptions,
  CopyProgress,
  CopyResult,
  CopySource,
  CopyToOptions,
} from "./copy/options.js";
export type {
  AttachOptions,
  CommandInput,
  ExecOptions,
  ForwardOptions,
  KillableSession,
  RunOptions,
  RunResult,
  StreamingDefaults,
} from "./options.js";
export { Sessions } from "./sessions.js";
