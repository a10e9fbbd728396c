import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { CancellationScope, CriError, criError, isCriError, raceAbort } from "../../core/index.js";
import { nextLoopTurn } from "../../server/index.js";
import {
  checkMethod,
  type RpcHeadersInit,
  type RpcStreamResponse,
  type RpcTransport,
  type RpcUnaryResponse,
  toConnectError,
} from "../../transport/index.js";
import type { ErrorText } from "./format.js";
import { messageOfText } from "./message-text.js";
import { onlyRequest, type RecordableMethod, rpcNameOf } from "./methods.js";
import type { Exchange, RecordingContent } from "./read-recording.js";
import type { CallComparison, CallMatcher, MatchedCall } from "./replay-calls.js";
import { ReplayedLogs } from "./replayed-logs.js";
import { ReplayedStream } from "./replayed-stream.js";
import { SessionPlayer } from "./session-player.js";
import type { StreamOrder } from "./stream-order.js";
import { urlCall } from "./url-calls.js";

/** A transport that serves a recording. `await using` closes it. */
export interface Replay extends RpcTransport, AsyncDisposable {
  /** The recorded calls that were not made yet: `call 3, StartContainer (session.jsonl:7)`. */
  readonly pending: readonly string[];
  /** Why calls and sessions were refused, in their order. The code under test may have caught these errors. */
  readonly mismatches: readonly CriError[];
  /** Throws the first mismatch, or an error with the calls that are pending. */
  assertReplayed(): void;
  /** Ends calls and sessions, and removes the replayed log files. Idempotent. */
  close(): Promise<void>;
}

/** Serves the calls of a recording. */
export class Replayer implements Replay {
  readonly #content: RecordingContent;
  readonly #comparison: CallComparison;
  readonly #matcher: CallMatcher;
  readonly #order: StreamOrder;
  readonly #logs: ReplayedLogs;
  readonly #mismatches: CriError[] = [];
  readonly #sessions = new SessionPlayer((error) => this.#mismatches.push(error));
  readonly #scopes = new Set<CancellationScope>();
  #closing: Promise<void> | undefined;

  constructor(
    content: RecordingContent,
    comparison: CallComparison,
    matcher: CallMatcher,
    order: StreamOrder,
  ) {
    this.#content = content;
    this.#comparison = comparison;
    this.#matcher = matcher;
    this.#order = order;
    this.#logs = new ReplayedLogs(content.logs);
  }

  get pending(): readonly string[] {
    const { file } = this.#content;
    return this.#matcher.pending.map(({ number, rpc, line }) => `call ${number}, ${rpc} (${file}:${line})`);
  }

  get mismatches(): readonly CriError[] {
    return [...this.#mismatches];
  }

  assertReplayed(): void {
    const [mismatch] = this.#mismatches;
    if (mismatch) throw mismatch;
    const { pending } = this;
    if (pending.length > 0)
      throw new Error(`${pending.length} recorded calls were not made: ${pending.slice(0, 10).join("; ")}`);
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    _header: RpcHeadersInit | undefined,
    input: MessageInitShape<I>,
  ): Promise<RpcUnaryResponse<I, O>> {
    checkMethod("unary", method);
    const scope = this.#open(timeoutMs, signal);
    try {
      const request = create(method.input, input);
      const { exchange } = this.#take(method as RecordableMethod, request, scope);
      const message = await this.#outcome(method, request, exchange, scope);
      const none = { header: new Headers(), trailer: new Headers() };
      return { stream: false, service: method.parent, method, message, ...none };
    } catch (error) {
      throw toConnectError(error);
    } finally {
      this.#end(scope);
    }
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    _header: RpcHeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
  ): Promise<RpcStreamResponse<I, O>> {
    checkMethod("stream", method);
    const request = create(method.input, await onlyRequest(method, input));
    const scope = this.#open(timeoutMs, signal);
    try {
      const matched = this.#take(method as unknown as RecordableMethod, request, scope);
      const message = this.#messages(method.output, matched, scope);
      const none = { header: new Headers(), trailer: new Headers() };
      return { stream: true, service: method.parent, method, message, ...none };
    } catch (error) {
      this.#end(scope);
      throw toConnectError(error);
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
    for (const scope of [...this.#scopes]) scope.stop(closedError());
    await this.#sessions.close();
    this.#logs.close();
  }

  #open(timeoutMs: number | undefined, signal: AbortSignal | undefined): CancellationScope {
    const scope = new CancellationScope(timeoutMs, signal);
    this.#scopes.add(scope);
    return scope;
  }

  #end(scope: CancellationScope): void {
    scope.end();
    this.#scopes.delete(scope);
  }

  #take(method: RecordableMethod, request: Message, scope: CancellationScope): MatchedCall {
    if (this.#closing) throw closedError();
    if (scope.stopped) throw scope.stopped;
    try {
      const matched = this.#matcher.take(method, request);
      this.#order.began(matched.exchange);
      return matched;
    } catch (error) {
      throw this.#noted(error);
    }
  }

  /** Adds an error to the mismatches, and returns it. */
  #noted(error: unknown): unknown {
    if (isCriError(error)) this.#mismatches.push(error);
    return error;
  }

  /** Returns the response of a unary call, or throws its error, in a later turn of the event loop, as on a socket. */
  async #outcome<O extends DescMessage>(
    method: DescMethodUnary<DescMessage, O>,
    request: Message,
    exchange: Exchange,
    scope: CancellationScope,
  ): Promise<MessageShape<O>> {
    await scope.race(nextLoopTurn());
    for (const step of exchange.steps) {
      if ("response" in step) {
        const message = this.#message(method.output, { json: step.response, bytes: step.bytes });
        const rpc = rpcNameOf(method);
        this.#logs.apply(rpc, request, message);
        const call = urlCall(rpc, request);
        if (call) (message as { url?: string }).url = await scope.race(this.#url(exchange, call));
        this.#order.ended(exchange);
        return message;
      }
      if ("error" in step) {
        this.#order.ended(exchange);
        throw errorOf(step.error, exchange.rpc);
      }
    }
    return this.#noOutcome(exchange, scope);
  }

  async #url(exchange: Exchange, call: NonNullable<ReturnType<typeof urlCall>>): Promise<string> {
    try {
      return await this.#sessions.url(exchange, call);
    } catch (error) {
      throw this.#noted(error);
    }
  }

  /** Waits until the caller cancels the call, as it did while the recording was made; a call without a deadline has a moment for that. */
  async #noOutcome({ number, rpc }: Exchange, scope: CancellationScope): Promise<never> {
    if (scope.remainingMs !== undefined) return scope.race(new Promise<never>(() => {}));
    await scope.race(nextLoopTurn());
    const text = `call ${number} has no response in the recording: its caller canceled it, or the recording ended before`;
    throw criError("not_recorded", text, { method: rpc });
  }

  #messages<O extends DescMessage>(
    output: O,
    { exchange, isRepeated }: MatchedCall,
    scope: CancellationScope,
  ): AsyncIterableIterator<MessageShape<O>> {
    const isLeft = !exchange.steps.some(
      (step) => "error" in step || ("end" in step && step.end === "finished"),
    );
    // The messages of a stream that its caller left have been sent to the first call.
    const steps = isRepeated && isLeft ? [] : exchange.steps;
    const whenDue = this.#order.stream(exchange);
    const play = async function* (this: Replayer, signal: AbortSignal): AsyncGenerator<MessageShape<O>> {
      for (const step of steps) {
        await whenDue(step, signal);
        if ("message" in step) yield this.#message(output, { json: step.message, bytes: step.bytes });
        else if ("error" in step) throw errorOf(step.error, exchange.rpc);
        else if ("end" in step && step.end === "finished") return;
      }
      await raceAbort(new Promise<never>(() => {}), signal);
    };
    return new ReplayedStream(
      (signal) => play.call(this, signal),
      scope,
      () => this.#end(scope),
    );
  }

  #message<O extends DescMessage>(schema: O, text: Parameters<typeof messageOfText>[1]): MessageShape<O> {
    const message = messageOfText(schema, text);
    this.#comparison.toCurrent(schema, message);
    return message;
  }
}

function closedError(): CriError {
  return criError("client_closed", "the replay has been closed");
}

function errorOf({ code, reason, message }: ErrorText, method: string): CriError {
  return new CriError({ code, reason, rawMessage: message, method });
}
