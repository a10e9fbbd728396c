// Reads files of JSON or YAML for the commands. Errors contain the file and the line.
import { isCriError, readRegularFile } from "../src/core/index.js";

/** The error for a file that cannot be used. */
export class FileError extends Error {}

/** Reads a file, and returns its value. */
export async function readDataFile(path: string, what: string): Promise<unknown> {
  let text: string;
  try {
    text = (await readRegularFile(path)).toString();
  } catch (error) {
    throw new FileError(`cannot read the ${what} ${path}: ${messageOf(error)}`);
  }
  return parse(path, text);
}

async function parse(path: string, text: string): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch {
    // YAML, or invalid JSON: the YAML parser accepts both, and reports the line.
  }
  const { LineCounter, parseDocument } = await import("yaml");
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, merge: true });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new FileError(`${path}:${line}:${col}: ${error.message}`);
  }
  try {
    return document.toJS();
  } catch (cause) {
    throw new FileError(`${path}: ${messageOf(cause)}`);
  }
}

function messageOf(error: unknown): string {
  return isCriError(error) ? error.rawMessage : error instanceof Error ? error.message : String(error);
}
