import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type CriError, criError, messageOf } from "../../core/index.js";
import {
  type CallStep,
  chunkText,
  type ErrorText,
  formatVersion,
  type Header,
  type Line,
  type MessageText,
  type SessionStep,
} from "./format.js";
import type { Masking } from "./masking.js";
import { messageText } from "./message-text.js";
import { type RecordableMethod, rpcNameOf } from "./methods.js";

type WithoutTime<L> = L extends unknown ? Omit<L, "ms"> : never;

/**
 * Writes a recording. Lines go to `<file>.partial`, which gets its name when the recording is closed: a process that dies leaves the
 * previous recording as it was. A file that cannot be written fails the recording, never a call.
 */
export class Recorder {
  readonly #file: string;
  readonly #masking: Masking;
  readonly #startedAt = performance.now();
  #descriptor: number | undefined;
  #failure: CriError | undefined;
  #calls = 0;
  #sessions = 0;

  constructor(file: string, masking: Masking) {
    this.#file = file;
    this.#masking = masking;
    try {
      this.#descriptor = openSync(this.#partial, "w");
    } catch (error) {
      throw this.#unwritable(error);
    }
    const header: Header = {
      format: "cri-sdk recording",
      version: formatVersion,
      startedAt: new Date().toISOString(),
      maskFields: masking.fields,
    };
    this.#write(header);
  }

  /** Whether the recording has been closed. */
  get isClosed(): boolean {
    return this.#descriptor === undefined;
  }

  /** Writes the beginning of a call. */
  call(method: RecordableMethod, request: Message): CallRecord {
    const call = ++this.#calls;
    const text = this.#text(method.input, request);
    this.add({ call, rpc: rpcNameOf(method), ...withBytes("request", text) });
    return new CallRecord(this, this.#masking, call, method, request);
  }

  /** Writes the beginning of a session. */
  session(call: number, port?: number): SessionRecord {
    const session = ++this.#sessions;
    this.add(port === undefined ? { session, call } : { session, call, port });
    return new SessionRecord(this, session);
  }

  /** Writes a container's log. */
  log(containerId: string, path: string, content: Uint8Array): void {
    this.add({ log: containerId, path, content: chunkText(content) });
  }

  /** Writes a line with the time. Does nothing after the end of the recording. */
  add(line: WithoutTime<Line>): void {
    const ms = Math.round((performance.now() - this.#startedAt) * 10) / 10;
    this.#write({ ...line, ms });
  }

  /** Gives the file its name. Throws if a line could not be written. */
  close(): void {
    const descriptor = this.#descriptor;
    if (descriptor !== undefined) {
      this.#descriptor = undefined;
      try {
        closeSync(descriptor);
        if (!this.#failure) renameSync(this.#partial, this.#file);
      } catch (error) {
        this.#failure ??= this.#unwritable(error);
      }
    }
    if (this.#failure) throw this.#failure;
  }

  get #partial(): string {
    return `${this.#file}.partial`;
  }

  #text(schema: DescMessage, message: Message): MessageText {
    return messageText(schema, this.#masking.message(schema, message));
  }

  #write(value: object): void {
    if (this.#descriptor === undefined || this.#failure) return;
    try {
      writeSync(this.#descriptor, `${JSON.stringify(value)}\n`);
    } catch (error) {
      this.#failure = this.#unwritable(error);
    }
  }

  #unwritable(cause: unknown): CriError {
    const text = `recording: ${this.#file} cannot be written: ${messageOf(cause)}`;
    return criError("recording_failed", text, { cause });
  }
}

/** The record of one call. Only the first end counts. */
export class CallRecord {
  readonly number: number;
  readonly #recorder: Recorder;
  readonly #masking: Masking;
  readonly #method: RecordableMethod;
  readonly #request: Message;
  #isOver = false;

  constructor(
    recorder: Recorder,
    masking: Masking,
    number: number,
    method: RecordableMethod,
    request: Message,
  ) {
    this.number = number;
    this.#recorder = recorder;
    this.#masking = masking;
    this.#method = method;
    this.#request = request;
  }

  response(message: Message): void {
    this.#end(withBytes("response", this.#text(message)));
  }

  message(message: Message): void {
    if (!this.#isOver) this.#add(withBytes("message", this.#text(message)));
  }

  finished(): void {
    this.#end({ end: "finished" });
  }

  canceled(): void {
    this.#end({ end: "canceled" });
  }

  failed(error: CriError): void {
    if (isCancellation(error)) this.canceled();
    else this.#end({ error: errorText(this.#masking.error(error, this.#method.input, this.#request)) });
  }

  #end(step: CallStep): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#add(step);
  }

  #add(step: CallStep): void {
    this.#recorder.add({ call: this.number, ...step });
  }

  #text(message: Message): MessageText {
    const { output } = this.#method;
    return messageText(output, this.#masking.message(output, message));
  }
}

/** The record of one session. Only the first end counts. */
export class SessionRecord {
  readonly #recorder: Recorder;
  readonly #session: number;
  #isOver = false;

  constructor(recorder: Recorder, session: number) {
    this.#recorder = recorder;
    this.#session = session;
  }

  add(step: Extract<SessionStep, { stream: unknown } | { closed: unknown } | { resize: unknown }>): void {
    if (!this.#isOver) this.#recorder.add({ session: this.#session, ...step });
  }

  exited(exitCode: number): void {
    this.#end({ exitCode });
  }

  finished(): void {
    this.#end({ end: "finished" });
  }

  canceled(): void {
    this.#end({ end: "canceled" });
  }

  failed(error: CriError): void {
    if (isCancellation(error)) this.canceled();
    else this.#end({ error: errorText(error) });
  }

  #end(step: SessionStep): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#recorder.add({ session: this.#session, ...step });
  }
}

/** Reports whether an error is the caller's own doing, which a replay cannot produce by itself. */
function isCancellation({ reason }: CriError): boolean {
  return reason === "aborted_by_caller" || reason === "client_closed";
}

function errorText({ code, reason, rawMessage }: CriError): ErrorText {
  return { code, reason, message: rawMessage };
}

function withBytes<K extends "request" | "response" | "message">(
  key: K,
  { json, bytes }: MessageText,
): { [key in K]: MessageText["json"] } & { bytes?: string } {
  const message = { [key]: json } as { [key in K]: MessageText["json"] };
  return bytes === undefined ? message : { ...message, bytes };
}
