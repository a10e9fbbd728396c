import { checkArgument, OptionTable, option } from "../core/index.js";
import { malformedStream } from "./errors.js";

/** The size of a terminal, in characters. */
export interface TerminalSize {
  /** The width, from 1 to 65535. */
  readonly columns: number;
  /** The height, from 1 to 65535. */
  readonly rows: number;
}

/** The largest size. A larger one silently ends resizing in the runtime for the rest of the session. */
const largest = 65_535;
/** The fields of a {@link TerminalSize}. */
export const sizeTable = new OptionTable<TerminalSize>({
  columns: option.required(option.wholeNumber(1, largest)),
  rows: option.required(option.wholeNumber(1, largest)),
});
const messageLimitBytes = 1_024;

/** Reports whether runtimes accept a size. A terminal of unknown size has 0 columns and 0 rows. */
export function isTerminalSize({ columns, rows }: TerminalSize): boolean {
  return fits(columns) && fits(rows);
}

function fits(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= largest;
}

/** Encodes a message of the resize channel. Throws `invalid_option` for a size that runtimes do not accept. */
export function encodeResize(size: TerminalSize): Buffer {
  checkArgument("resize", "size", size, option.nested(sizeTable));
  return Buffer.from(`${JSON.stringify({ Width: size.columns, Height: size.rows })}\n`);
}

/**
 * Decodes the resize channel: consecutive JSON objects, split anywhere. Skips sizes with a 0, as runtimes do. Throws
 * `malformed_stream` for an invalid size.
 */
export class ResizeDecoder {
  #text = "";

  /** Adds bytes, and returns the sizes that are complete now. */
  push(bytes: Uint8Array): TerminalSize[] {
    checkArgument("ResizeDecoder.push", "bytes", bytes, option.byteArray);
    this.#text += Buffer.from(bytes).toString("latin1");
    const sizes: TerminalSize[] = [];
    for (let end = this.#text.indexOf("}"); end >= 0; end = this.#text.indexOf("}")) {
      const size = readSize(this.#text.slice(0, end + 1));
      if (size.columns > 0 && size.rows > 0) sizes.push(size);
      this.#text = this.#text.slice(end + 1);
    }
    if (this.#text.length > messageLimitBytes)
      throw malformedStream(`resize message: exceeds the limit of ${messageLimitBytes} bytes`);
    return sizes;
  }
}

function readSize(text: string): TerminalSize {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    throw malformedStream("resize message: is not valid JSON", error);
  }
  const fields = new Map(
    Object.entries(message as object).map(([name, value]): [string, unknown] => [name.toLowerCase(), value]),
  );
  return { columns: sizeOf(fields.get("width")), rows: sizeOf(fields.get("height")) };
}

function sizeOf(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= largest) return value;
  throw malformedStream(`resize message: a size must be a whole number from 0 to ${largest}`);
}
