import { isBytes, optionError, within } from "../../core/index.js";
import type { LogEntry } from "../records/entry.js";
import { formatLogTime } from "../records/time.js";

/** The fields of an entry that its record contains. */
type RecordFields = Pick<LogEntry, "timeNanos" | "stream" | "partial" | "bytes">;

const newline = 10;

/**
 * Formats entries as records of a CRI log, each with its newline.
 *
 * @throws {CriError} `invalid_option` for fields that would not be read back as they are.
 */
export function entryRecords(operation: string, entries: readonly RecordFields[]): Buffer[] {
  if (!Array.isArray(entries)) throw optionError(operation, within(".entries", "must be an array", entries));
  return entries.map((entry: RecordFields, index) => {
    const { timeNanos, stream, partial, bytes } = entry ?? {};
    const isRecord =
      typeof timeNanos === "bigint" &&
      (stream === "stdout" || stream === "stderr") &&
      typeof partial === "boolean" &&
      isBytes(bytes) &&
      !bytes.includes(newline);
    if (!isRecord) {
      const message = "must be an entry of a log, without a newline in its bytes";
      throw optionError(operation, within(`.entries[${index}]`, message, entry));
    }
    const header = `${formatLogTime(timeNanos)} ${stream} ${partial ? "P" : "F"} `;
    const record = Buffer.allocUnsafe(header.length + bytes.length + 1);
    record.write(header, "latin1");
    record.set(bytes, header.length);
    record[record.length - 1] = newline;
    return record;
  });
}
