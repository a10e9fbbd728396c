import type { TerminalRequest } from "../messages.js";

/** The largest size of a terminal, and of a count of messages. */
const maxCount = 1_000;

/** Reads what a page sends on the socket of a log or a terminal; undefined for anything else. */
export function readSocketRequest(text: string): TerminalRequest | undefined {
  try {
    const { type, columns, rows, messages } = Object(JSON.parse(text));
    if (type === "resize" && isCount(columns) && isCount(rows)) return { type, columns, rows };
    if (type === "shown" && isCount(messages)) return { type, messages };
  } catch {
    // Not JSON: the page sends none.
  }
  return undefined;
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) <= maxCount;
}
