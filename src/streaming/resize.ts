import { invalidOption } from "../core/index.js";
import { malformedStream } from "./errors.js";

/** The size of a terminal, in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Larger sizes end a runtime's resizing for the rest of the session, without a word. */
const largest = 65_535;
const messageLimitBytes = 1_024;

/** Whether a size is one that runtimes take: a terminal that was not told its own has 0 columns and 0 rows. */
export function isTerminalSize({ columns, rows }: TerminalSize): boolean {
  return fits(columns) && fits(rows);
}

function fits(characters: number): boolean {
  return Number.isInteger(characters) && characters >= 1 && characters <= largest;
}

/** The message of the resize channel. Throws `invalid_option` for a size that runtimes do not take. */
export function encodeResize(size: TerminalSize): Buffer {
  for (const name of ["columns", "rows"] as const)
    if (!fits(size[name]))
      throw invalidOption(`size.${name}`, size[name], `must be a whole number from 1 to ${largest}`);
  return Buffer.from(`${JSON.stringify({ Width: size.columns, Height: size.rows })}\n`);
}

/**
 * Reads the resize channel: JSON objects one after the other, cut anywhere. Sizes with a 0 are skipped, as runtimes
 * do. Throws `malformed_stream` for what is no size.
 */
export class ResizeDecoder {
  #text = "";

  push(bytes: Uint8Array): TerminalSize[] {
    this.#text += Buffer.from(bytes).toString("latin1");
    const sizes: TerminalSize[] = [];
    for (let end = this.#text.indexOf("}"); end >= 0; end = this.#text.indexOf("}")) {
      const size = readSize(this.#text.slice(0, end + 1));
      if (size.columns > 0 && size.rows > 0) sizes.push(size);
      this.#text = this.#text.slice(end + 1);
    }
    if (this.#text.length > messageLimitBytes) throw malformedStream("a resize message that does not end");
    return sizes;
  }
}

function readSize(text: string): TerminalSize {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    throw malformedStream("a resize message that is no JSON", error);
  }
  const fields = new Map(
    Object.entries(message as object).map(([name, value]): [string, unknown] => [name.toLowerCase(), value]),
  );
  return { columns: sizeOf(fields.get("width")), rows: sizeOf(fields.get("height")) };
}

function sizeOf(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= largest) return value;
  throw malformedStream(`a resize message with a size that is none`);
}
