/**
 * The log files that container runtimes write: read, followed, merged and written. Needs no runtime.
 *
 * @packageDocumentation
 */

export type { LogCursorFile } from "./files/identity.js";
export type { ListedFile } from "./files/rotated.js";
export { rotatedLogs } from "./files/rotated.js";
export type { LogCursor, LogCursorPlace } from "./reading/cursor.js";
export type { LogEnd, LogEndReason } from "./reading/end.js";
export { type MergeableLog, type MergedLogEntry, type MergeLogsOptions, mergeLogs } from "./reading/merge.js";
export type { LogNotice, ReadLogsOptions } from "./reading/options.js";
// Reading.
export type { WriteToOptions } from "./reading/write-to.js";
export { type LogPath, type LogReader, readLogs } from "./reading/reader.js";
export { LogDecoder, type LogDecoderOptions } from "./records/decoder.js";
export type { LogEntry, LogEntryData } from "./records/entry.js";
export type { LogStream } from "./records/header.js";
// The grammar, in memory.
export { formatLogLine, type LogLine, parseLogLine } from "./records/line.js";

// Writing.
export { LogWriter, type LogWriterOptions } from "./writing/log-writer.js";
