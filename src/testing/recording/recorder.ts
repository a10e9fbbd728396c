import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type CriError, criError, messageOf } from "../../core/index.js";
import type { TerminalSize } from "../../streaming/index.js";
import {
  type CallStep,
  chunkText,
  type ErrorText,
  formatVersion,
  type Header,
  type Line,
  type MessageText,
  type SessionStep,
  type SessionStream,
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

/** The record of a call or a session. Only its first end counts. */
abstract class OpenRecord<Step> {
  #isOver = false;

  finished(): void {
    this.end({ end: "finished" });
  }

  canceled(): void {
    this.end({ end: "canceled" });
  }

  failed(error: CriError): void {
    // A replay cannot cancel by itself: its caller will.
    if (error.reason === "aborted_by_caller" || error.reason === "client_closed") this.canceled();
    else this.end({ error: this.errorText(error) });
  }

  protected errorText({ code, reason, rawMessage }: CriError): ErrorText {
    return { code, reason, message: rawMessage };
  }

  protected add(step: Step): void {
    if (!this.#isOver) this.write(step);
  }

  protected end(
    step: Step | { readonly end: "finished" | "canceled" } | { readonly error: ErrorText },
  ): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.write(step);
  }

  protected abstract write(
    step: Step | { readonly end: "finished" | "canceled" } | { readonly error: ErrorText },
  ): void;
}

/** The record of one call. */
export class CallRecord extends OpenRecord<CallStep> {
  readonly number: number;
  readonly #recorder: Recorder;
  readonly #masking: Masking;
  readonly #method: RecordableMethod;
  readonly #request: Message;

  constructor(
    recorder: Recorder,
    masking: Masking,
    number: number,
    method: RecordableMethod,
    request: Message,
  ) {
    super();
    this.number = number;
    this.#recorder = recorder;
    this.#masking = masking;
    this.#method = method;
    this.#request = request;
  }

  response(message: Message): void {
    this.end(withBytes("response", this.#text(message)));
  }

  message(message: Message): void {
    this.add(withBytes("message", this.#text(message)));
  }

  protected override errorText(error: CriError): ErrorText {
    return super.errorText(this.#masking.error(error, this.#method.input, this.#request));
  }

  protected write(step: CallStep): void {
    this.#recorder.add({ call: this.number, ...step });
  }

  #text(message: Message): MessageText {
    const { output } = this.#method;
    return messageText(output, this.#masking.message(output, message));
  }
}

/** The record of one session. */
export class SessionRecord extends OpenRecord<SessionStep> {
  readonly #recorder: Recorder;
  readonly #session: number;

  constructor(recorder: Recorder, session: number) {
    super();
    this.#recorder = recorder;
    this.#session = session;
  }

  data(stream: SessionStream, bytes: Uint8Array): void {
    this.add({ stream, data: chunkText(bytes) });
  }

  closed(stream: SessionStream): void {
    this.add({ closed: stream });
  }

  resized(size: TerminalSize): void {
    this.add({ resize: size });
  }

  exited(exitCode: number): void {
    this.end({ exitCode });
  }

  protected write(step: SessionStep): void {
    this.#recorder.add({ session: this.#session, ...step });
  }
}

function withBytes<K extends "request" | "response" | "message">(
  key: K,
  { json, bytes }: MessageText,
): { [key in K]: MessageText["json"] } & { bytes?: string } {
  const message = { [key]: json } as { [key in K]: MessageText["json"] };
  return bytes === undefined ? message : { ...message, bytes };
}
