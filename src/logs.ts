/**
 * Reads, follows, merges and writes the log files of containers. Needs no runtime.
 *
 * @packageDocumentation
 */

// Reading.
export {
  type LogFileInfo,
  type LogCursor,
  type LogCursorFile,
  type LogCursorPosition,
  type LogEnd,
  type LogEndReason,
  type LogEntry,
  type LogEntryData,
  type LogNotice,
  type LogPath,
  type LogReader,
  type LogStream,
  type MergeableLog,
  type MergedLogEntry,
  type MergeLogsOptions,
  mergeLogs,
  type ReadLogsOptions,
  readLogs,
  rotatedLogs,
  type WriteToOptions,
} from "./logs/index.js";

// The format, in memory.
export {
  formatLogLine,
  LogDecoder,
  type LogDecoderOptions,
  type LogLine,
  parseLogLine,
} from "./logs/index.js";

// Writing.
export { LogWriter, type LogWriterOptions } from "./logs/index.js";
