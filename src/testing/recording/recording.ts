import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { abortError, checkArgument, criError, OptionTable, option } from "../../core/index.js";
import { schemaField } from "../../observe/index.js";
import {
  checkMethod,
  fromTransportError,
  type RpcContextValues,
  type RpcHeadersInit,
  type RpcStreamResponse,
  type RpcTransport,
  type RpcUnaryResponse,
  toConnectError,
  transportCheck,
} from "../../transport/index.js";
import { LogCapture } from "./log-capture.js";
import { Masking } from "./masking.js";
import { onlyRequest, type RecordableMethod } from "./methods.js";
import { type CallRecord, Recorder } from "./recorder.js";
import { SessionRelay } from "./session-relay.js";
import { urlCall } from "./url-calls.js";

/** Options of {@link recording}. */
export interface RecordingOptions {
  /**
   * Whether the bytes of exec, attach and port-forward are recorded. The sessions then go through a streaming server of this process, on
   * 127.0.0.1.
   * @default false; a replay then refuses sessions
   */
  readonly sessions?: boolean | undefined;
  /**
   * Whether the logs are recorded of the containers that the client created or whose status it requested: the current log file, when
   * the container or its pod is removed, or when the recording is closed.
   * @default false
   */
  readonly logs?: boolean | undefined;
  /**
   * Fields whose values are masked besides those that the schema marks with `debug_redact` (the credentials for registries), by their
   * full names: `runtime.v1.KeyValue.value` is the values of environment variables.
   * @default none
   */
  readonly maskFields?: readonly string[] | undefined;
}

/** The options of {@link RecordingOptions}. */
const recordingTable = new OptionTable<RecordingOptions>({
  sessions: option.boolean,
  logs: option.boolean,
  maskFields: option.listOf(schemaField),
});

/** A transport that records its calls. `await using` closes the recording. */
export interface RecordingTransport extends RpcTransport, AsyncDisposable {
  /**
   * Ends the recording: later calls fail with `client_closed`. Gives the file its name; before, it is `<file>.partial`. Rejects with
   * `recording_failed` if a line could not be written. Does not close the upstream transport. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Wraps a transport so that every call goes into a file, which {@link replaying} serves again without a runtime: requests, responses,
 * errors, and the messages of streams with their times. `connect.through(recording(createTransport(endpoint), "session.jsonl"))`
 *
 * The file has one JSON object per line, with messages in protobuf's JSON form, in the order in which things happened. `[redacted]`
 * replaces the credentials for registries, in requests and in the verbose `info` of responses, and the URLs of sessions. Ids, times,
 * environment variables and the bytes of sessions and logs are kept: read a recording before you publish it. Metadata of calls is not
 * recorded.
 *
 * Throws `invalid_option`, and `recording_failed` if the file cannot be written.
 */
export function recording(
  transport: RpcTransport,
  file: string,
  options: RecordingOptions = {},
): RecordingTransport {
  checkArgument("recording", "transport", transport, transportCheck);
  checkArgument("recording", "file", file, option.nonEmptyString);
  recordingTable.check("recording", options);
  const { maskFields = [], sessions = false, logs = false } = options;
  const recorder = new Recorder(file, new Masking(maskFields));
  return new Recording(transport, recorder, sessions, logs);
}

class Recording implements RecordingTransport {
  readonly #upstream: RpcTransport;
  readonly #recorder: Recorder;
  readonly #relay: SessionRelay | undefined;
  readonly #logs: LogCapture | undefined;
  #closing: Promise<void> | undefined;

  constructor(upstream: RpcTransport, recorder: Recorder, sessions: boolean, logs: boolean) {
    this.#upstream = upstream;
    this.#recorder = recorder;
    if (sessions) this.#relay = new SessionRelay(recorder);
    if (logs) this.#logs = new LogCapture(recorder);
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RpcHeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: RpcContextValues,
  ): Promise<RpcUnaryResponse<I, O>> {
    checkMethod("unary", method);
    const request = create(method.input, input);
    const record = this.#begin(method as RecordableMethod, request, signal);
    try {
      await this.#logs?.before(method.name, request);
      // A created message is one of its own init shapes, which the compiler cannot see for a generic schema.
      const sent = request as MessageInitShape<I>;
      const response = await this.#upstream.unary(method, signal, timeoutMs, header, sent, contextValues);
      const { stream, service, header: headers, trailer, message } = response;
      this.#logs?.after(method.name, request, message);
      record.response(message);
      await this.#relayUrl(record.number, method.name, request, message);
      return { stream, service, method, header: headers, trailer, message };
    } catch (error) {
      record.failed(fromTransportError(error, { method: method.name }));
      throw error;
    }
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RpcHeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: RpcContextValues,
  ): Promise<RpcStreamResponse<I, O>> {
    checkMethod("stream", method);
    const request = create(method.input, await onlyRequest(method, input));
    const record = this.#begin(method as unknown as RecordableMethod, request, signal);
    try {
      const sent = one(request as MessageInitShape<I>);
      const response = await this.#upstream.stream(method, signal, timeoutMs, header, sent, contextValues);
      return { ...response, message: recordedStream(response.message, record, method.name) };
    } catch (error) {
      record.failed(fromTransportError(error, { method: method.name }));
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#relay?.close();
    await this.#logs?.writeAll();
    this.#recorder.close();
  }

  #begin(method: RecordableMethod, request: Message, signal: AbortSignal | undefined): CallRecord {
    // A call whose caller has left is never sent.
    if (signal?.aborted) throw toConnectError(abortError(signal));
    if (this.#closing) throw toConnectError(criError("client_closed", "the recording has been closed"));
    return this.#recorder.call(method, request);
  }

  /** Replaces the URL of a response by one of the relay. */
  async #relayUrl(number: number, rpc: string, request: Message, response: Message): Promise<void> {
    const call = urlCall(rpc, request);
    if (this.#relay && call && "url" in response)
      response.url = await this.#relay.replaceUrl(number, call, String(response.url));
  }
}

async function* one<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** Records the messages as they are read. Leaving the loop ends the call upstream, also before the first message. */
function recordedStream<M extends MessageShape<DescMessage>>(
  source: AsyncIterable<M>,
  record: CallRecord,
  method: string,
): AsyncIterableIterator<M> {
  const messages = source[Symbol.asyncIterator]();
  return {
    async next() {
      try {
        const result = await messages.next();
        if (result.done) record.finished();
        else record.message(result.value);
        return result;
      } catch (error) {
        record.failed(fromTransportError(error, { method }));
        throw error;
      }
    },
    async return(value?: unknown) {
      record.canceled();
      await messages.return?.();
      return { done: true, value };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
