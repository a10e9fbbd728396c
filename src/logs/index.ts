// The room of log files. Other rooms import it by this file; the door `cri-sdk/logs` (`src/logs.ts`) lists what is public.
export type { LogCursorFile } from "./files/identity.js";
export {
  compressRotatedLogs,
  type LogFileInfo,
  parseRotatedLogName,
  type RotatedLogName,
  removeExcessLogs,
  rotatedLogSuffix,
  rotatedLogs,
  unusedRotatedName,
} from "./files/rotation.js";
export {
  LogMerge,
  type MergeableLog,
  type MergedLogEntry,
  type MergeLogsOptions,
  mergeLogs,
} from "./reading/merge.js";
export { type LogNotice, type LogPath, type ReadLogsOptions, readLogsTable } from "./reading/options.js";
export { type LogEnd, type LogEndReason, type LogReader, readLogs } from "./reading/reader.js";
export type { WriteToOptions } from "./reading/write-to.js";
export type { LogEntry, LogEntryData } from "./records/entry.js";
export { LogDecoder, type LogDecoderOptions } from "./records/entry-sink.js";
export { formatLogLine, type LogLine, parseLogLine } from "./records/line.js";
export type { LogCursor, LogCursorPosition } from "./records/position.js";
export type { LogStream } from "./records/record.js";
export { formatLogTime } from "./records/time.js";
export { LogWriter, type LogWriterOptions } from "./writing/log-writer.js";
