import { readFileSync } from "node:fs";
import type { Message } from "@bufbuild/protobuf";
import { type CriError, criError, isRecord, messageOf } from "../../core/index.js";
import {
  type CallStep,
  type ChunkText,
  chunkBytes,
  formatVersion,
  type Line,
  type MessageJson,
  type MessageText,
  type SessionStep,
} from "./format.js";
import { messageOfText } from "./message-text.js";
import { methodNamed } from "./methods.js";

/** A step of a call, with its place in the recording. */
export type RecordedStep = CallStep & {
  /** When it happened, in milliseconds since the recording was started. */
  readonly ms: number;
  /** The line of the file. */
  readonly line: number;
};

/** One call of a recording, with everything that came back. */
export interface Exchange {
  readonly number: number;
  /** The line of the file that it begins on. */
  readonly line: number;
  /** CRI's name of the RPC, or the path of an RPC of another service. */
  readonly rpc: string;
  readonly ms: number;
  readonly request: MessageText;
  readonly steps: RecordedStep[];
  readonly sessions: RecordedSession[];
}

/** One session of a recording. */
export interface RecordedSession {
  readonly port: number | undefined;
  readonly steps: SessionStep[];
}

/** The content of a recording. */
export interface RecordingContent {
  readonly file: string;
  /** {@link Header.maskFields}. */
  readonly maskFields: readonly string[];
  readonly exchanges: readonly Exchange[];
  /** The logs of containers by the container's id. */
  readonly logs: ReadonlyMap<string, Buffer>;
}

/** Reads a recording. Throws `recording_failed` if the file cannot be read, and `invalid_file`, with the line, if it is not a recording. */
export function readRecording(file: string): RecordingContent {
  const [first = "", ...rest] = textOf(file).split("\n");
  const reader = new Reader(file);
  reader.header(first);
  for (const line of rest) reader.line(line);
  return reader.content();
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw criError("recording_failed", `replaying: ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

class Reader {
  readonly #file: string;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #sessions = new Map<number, RecordedSession>();
  readonly #logs = new Map<string, Buffer>();
  #maskFields: readonly string[] = [];
  #lines = 0;

  constructor(file: string) {
    this.#file = file;
  }

  header(text: string): void {
    this.#lines++;
    const { format, version, maskFields } = this.#parse(text);
    if (format !== "cri-sdk recording") this.#fail("is not the header of a recording");
    if (version !== formatVersion)
      this.#fail(`has version ${version} of the format; this release of cri-sdk reads ${formatVersion}`);
    if (!Array.isArray(maskFields)) throw this.#error("has no maskFields");
    this.#maskFields = maskFields.map(String);
  }

  line(text: string): void {
    this.#lines++;
    if (text === "") return;
    const parsed = this.#parse(text);
    if (typeof parsed.ms !== "number") this.#fail("has no time: ms must be a number");
    // The properties of each kind of line are checked below, where they are used.
    const line = parsed as unknown as Line;
    if ("rpc" in line) this.#begin(line);
    else if ("call" in line && "session" in line) this.#beginSession(line);
    else if ("call" in line) this.#step(line);
    else if ("session" in line) this.#sessionStep(line);
    else if ("log" in line) this.#logs.set(line.log, this.#bytes(line.content));
    else this.#fail("is neither a call, nor a session, nor a log");
  }

  content(): RecordingContent {
    const exchanges = [...this.#exchanges.values()];
    return { file: this.#file, maskFields: this.#maskFields, exchanges, logs: this.#logs };
  }

  #begin({ call, rpc, request, bytes, ms }: Extract<Line, { rpc: string }>): void {
    const number = this.#exchanges.size + 1;
    if (call !== number) this.#fail(`begins call ${call} where call ${number} is expected`);
    if (!isRecord(request)) this.#fail("has no request");
    const exchange = {
      number,
      line: this.#lines,
      rpc,
      ms,
      request: text(request, bytes),
      steps: [],
      sessions: [],
    };
    this.#check(rpc, "input", exchange.request);
    this.#exchanges.set(number, exchange);
  }

  #step(line: Extract<Line, { call: number }>): void {
    const exchange =
      this.#exchanges.get(line.call) ?? this.#fail(`belongs to call ${line.call}, which has not begun`);
    const step = line as CallStep & { readonly ms: number };
    if ("response" in step) this.#check(exchange.rpc, "output", text(step.response, step.bytes));
    else if ("message" in step) this.#check(exchange.rpc, "output", text(step.message, step.bytes));
    else if (!("end" in step || "error" in step))
      this.#fail("is neither a response, nor a message, nor an end");
    exchange.steps.push({ ...step, line: this.#lines });
  }

  #beginSession({ call, session, port }: Extract<Line, { call: number; session: number }>): void {
    const exchange = this.#exchanges.get(call) ?? this.#fail(`belongs to call ${call}, which has not begun`);
    const recorded = { port, steps: [] };
    exchange.sessions.push(recorded);
    this.#sessions.set(session, recorded);
  }

  #sessionStep(line: { readonly session: number }): void {
    const session = this.#sessions.get(line.session);
    if (!session) throw this.#error(`belongs to session ${line.session}, which has not begun`);
    const step = line as unknown as SessionStep;
    if ("stream" in step) this.#bytes(step.data);
    session.steps.push(step);
  }

  /** Decodes a message once, so that a damaged recording fails when it is opened and not in the middle of a test. */
  #check(rpc: string, side: "input" | "output", message: MessageText): Message | undefined {
    const method = methodNamed(rpc);
    try {
      // The messages of other services are decoded when they are replayed, by the descriptor of the call.
      return method && messageOfText(method[side], message);
    } catch (error) {
      return this.#fail(`has an invalid message of ${rpc}: ${messageOf(error)}`);
    }
  }

  #bytes(chunk: ChunkText): Buffer {
    if (typeof chunk !== "string" && typeof chunk?.base64 !== "string")
      this.#fail("must have a string or an object with base64 as its bytes");
    return chunkBytes(chunk);
  }

  #parse(text: string): Readonly<Record<string, unknown>> {
    try {
      const value: unknown = JSON.parse(text);
      if (isRecord(value)) return value;
    } catch {
      // Reported below.
    }
    return this.#fail("is not a JSON object");
  }

  #fail(text: string): never {
    throw this.#error(text);
  }

  #error(text: string): CriError {
    return criError("invalid_file", `replaying: line ${this.#lines} of ${this.#file} ${text}`);
  }
}

function text(json: MessageJson, bytes: string | undefined): MessageText {
  return { json, bytes };
}
