import { once } from "node:events";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { isCriError } from "../../core/index.js";
import type { ExecSession } from "../../streaming/index.js";
import type { ExecOptions } from "../options.js";
import { toCopyError } from "./errors.js";

/** Opens the session of a command in the container. */
export type OpenCommand = (command: readonly string[], options: ExecOptions) => Promise<ExecSession>;

/** The result of {@link sendAll}. */
export interface Sent {
  readonly bytes: number;
  /** The error of the source. */
  readonly error: unknown;
}

/** Sends everything from a source to the input of a command, and ends the input; stops when the signal fires. Never rejects. */
export async function sendAll(
  source: AsyncIterable<Uint8Array>,
  { stdin }: ExecSession,
  stop: AbortSignal,
): Promise<Sent> {
  let bytes = 0;
  try {
    for await (const chunk of source) {
      if (stop.aborted || !stdin || stdin.destroyed) break;
      bytes += chunk.byteLength;
      if (!stdin.write(chunk)) await once(stdin, "drain", { signal: stop });
    }
    return { bytes, error: undefined };
  } catch (error) {
    return { bytes, error: stop.aborted ? undefined : error };
  } finally {
    stdin?.end();
  }
}

/** The limit for the collected text of an output, in characters. */
const textLimit = 16_384;

/** The beginning of a command's output as text. */
export class OutputText {
  /** Resolves when the output has ended. Never rejects. */
  readonly ended: Promise<void>;
  #text = "";

  constructor(output: Readable | undefined, onMore: (text: string) => void = () => undefined) {
    this.ended = output ? finished(output).catch(() => undefined) : Promise.resolve();
    const decoder = new StringDecoder("utf8");
    output?.on("data", (part: Buffer) => {
      if (this.#text.length < textLimit) this.#text += decoder.write(part);
      onMore(this.#text);
    });
  }

  /** The text so far. */
  get text(): string {
    return this.#text;
  }

  /** The first line, for error messages. */
  get firstLine(): string {
    return this.#text.trim().split("\n")[0] ?? "";
  }
}

/**
 * Reports whether the output of a command means that its program does not exist. CRI-O returns no error for it: the runtime's message
 * is the command's output, and the exit code is 255.
 */
export function isProgramMissing(text: string, exitCode: number | undefined): boolean {
  if (exitCode !== undefined && exitCode !== 255) return exitCode === 127;
  return /not found|ENOENT|(?:exec: \\?"|executable).*no such file/i.test(text);
}

/** Warnings of tar about single files. Each is a line of its own and does not fail the copy. */
const warningPatterns: readonly (Omit<TarWarning, "name"> & { readonly pattern: RegExp })[] = [
  { pattern: /^tar: (.*): socket ignored$/s, reason: "is a socket" },
  { pattern: /^tar: (.*): file changed as we read it$/s, reason: "was copied but changed while it was read" },
  {
    pattern: /^tar: (.*): File shrank by \d+ bytes?; padding with zeros$/s,
    reason: "became shorter while it was read",
    isPadded: true,
  },
  {
    pattern: /^tar: (.*): File removed before we read it$/s,
    reason: "was removed before it was read",
  },
];
/** The limit for one line in characters: more than the longest path needs, with every byte escaped. */
const lineLimit = 20_000;
const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** A warning of tar about one file. */
export interface TarWarning {
  /** The name of the file in the archive. */
  readonly name: string;
  readonly reason: string;
  /** Whether the content in the archive ends with zeros that the file does not have. */
  readonly isPadded?: boolean;
}

/** Separates the warnings of tar, which do not fail the copy, from its errors. */
export class TarWarnings {
  readonly list: TarWarning[] = [];
  #hasErrors = false;
  #rest = "";

  constructor(stderr: Readable | undefined) {
    const decoder = new StringDecoder("utf8");
    stderr?.on("data", (part: Buffer) => {
      const lines = (this.#rest + decoder.write(part)).split("\n");
      this.#rest = (lines.pop() ?? "").slice(0, lineLimit);
      for (const line of lines) this.#parse(line);
    });
  }

  /** Whether tar printed only warnings. GNU tar then exits with 1, although the archive is complete. */
  get areAll(): boolean {
    return !this.#hasErrors && this.#rest === "" && this.list.length > 0;
  }

  #parse(line: string): void {
    for (const { pattern, ...warning } of warningPatterns) {
      const name = pattern.exec(line)?.[1];
      if (name === undefined) continue;
      this.list.push({ name: unescapeName(name), ...warning });
      return;
    }
    this.#hasErrors = true;
  }
}

/** Decodes a name: GNU tar escapes the bytes that its locale cannot print. */
function unescapeName(name: string): string {
  if (!name.includes("\\")) return name;
  const bytes = Buffer.from(name).toString("latin1");
  const plain = bytes.replace(/\\(?:([0-3][0-7]{2})|(.))/gs, (_all, octal?: string, letter = "") =>
    octal === undefined ? (escapes[letter] ?? letter) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(plain, "latin1").toString();
}

/** The result of {@link runForOutput}. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stderr: OutputText;
  readonly warnings: TarWarnings;
}

/**
 * Runs a command and passes its output to `take`. Returns "no program" when the container does not have the program. Rejects with
 * the error of `take` if that came first, otherwise with the error of the session.
 */
export async function runForOutput(
  open: OpenCommand,
  command: readonly string[],
  signal: AbortSignal | undefined,
  take: (output: Readable) => Promise<void>,
): Promise<CommandResult | "no program"> {
  let session: ExecSession | undefined;
  try {
    session = await open(command, { signal });
    const { stdout } = session;
    if (!stdout) throw new TypeError("the session has no output");
    const stderr = new OutputText(session.stderr);
    const warnings = new TarWarnings(session.stderr);
    let hasEnded = false;
    let failedFirst = false;
    const taking = take(stdout).then(
      () => undefined,
      (error: unknown) => {
        failedFirst = !hasEnded;
        void session?.close();
        return error;
      },
    );
    const outcome = await session.ended.then(
      ({ exitCode }) => ({ exitCode }),
      (error: unknown) => ({ error }),
    );
    hasEnded = true;
    const failure = await taking;
    if ("error" in outcome) {
      const { error } = outcome;
      if (
        isCriError(error) &&
        error.reason === "exec_not_started" &&
        isProgramMissing(error.rawMessage, undefined)
      )
        return "no program";
      throw failedFirst ? toCopyError(failure) : error;
    }
    await stderr.ended;
    const { exitCode } = outcome;
    if (isProgramMissing(stderr.text, exitCode)) return "no program";
    if (failure !== undefined) throw toCopyError(failure);
    return { exitCode, stderr, warnings };
  } finally {
    await session?.close();
  }
}
