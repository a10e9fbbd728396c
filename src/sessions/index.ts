export { portForwardTable } from "../streaming/index.js";
export {
  type AttachOptions,
  type CommandInput,
  type CopyFromOptions,
  type CopyOptions,
  type CopyProgress,
  type CopyResult,
  type CopySource,
  type CopyToOptions,
  type ExecOptions,
  execTable,
  type ForwardOptions,
  type KillableSession,
  type RunCommandOptions,
  type RunCommandResult,
  runCommandTable,
  type StreamingDefaults,
  streamingDefaultsTable,
} from "./options.js";
export { Sessions } from "./sessions.js";
