import { tracingChannel } from "node:diagnostics_channel";
import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import type { CriError } from "../core/index.js";
import type { RpcEnd } from "./observe-call.js";
import { type RedactedMessage, redact, withoutSecrets } from "./redact.js";

/**
 * The message of `tracingChannel("cri-sdk:rpc")` of `node:diagnostics_channel`: one object per call, the same in all its events. It
 * describes the call as its caller sees it: retries included, with the errors that the caller receives.
 */
export interface RpcDiagnostics {
  /** The RPC, by CRI's name: `RunPodSandbox`. */
  readonly method: string;
  /** Its service: `runtime.v1.RuntimeService`. */
  readonly service: string;
  /** The endpoint as a URL. */
  readonly endpoint: string;
  /** Whether it is a server-streaming RPC: its event `end` follows the start of the call, `asyncEnd` the end of the stream. */
  readonly stream: boolean;
  /** The request with secrets masked, created on access; undefined if the caller's object is not a valid request. */
  readonly request: RedactedMessage | undefined;
  /** The number of attempts so far: 0 if preflight refused the request, more than 1 after a retry. */
  readonly attempts: number;
  /** The number of response messages so far. */
  readonly messages: number;
  /** The time from the start of the call to its end, or until now, in milliseconds. */
  readonly durationMs: number;
  /** How the call ended; undefined until the events `error` and `asyncEnd`. */
  readonly end: RpcEnd | undefined;
  /** The error of a failed call, with the request's secrets masked in its text; otherwise undefined. */
  readonly error: CriError | undefined;
  /** The response of a successful unary call with secrets masked, created on access; otherwise undefined. */
  readonly result: RedactedMessage | undefined;
}

const channel = tracingChannel<unknown, CallTrace<DescMessage, DescMessage>>("cri-sdk:rpc");

/** Reports whether the channel has subscribers; without any, this check is the whole cost of tracing. */
export function isTraced(): boolean {
  return channel.hasSubscribers;
}

/** The call that a trace describes. */
export interface TracedCall<I extends DescMessage, O extends DescMessage> {
  readonly method: {
    readonly name: string;
    readonly parent: { readonly typeName: string };
    readonly input: I;
    readonly output: O;
    readonly methodKind: string;
  };
  readonly endpoint: string;
  readonly input: MessageInitShape<I>;
}

/** The trace of one call. */
export class CallTrace<I extends DescMessage, O extends DescMessage> implements RpcDiagnostics {
  attempts = 0;
  messages = 0;
  // Private, so that inspecting the object does not show secrets.
  readonly #call: TracedCall<I, O>;
  readonly #startedAt = performance.now();
  #endedAt: number | undefined;
  #end: RpcEnd | undefined;
  #error: CriError | undefined;
  #result: MessageShape<O> | undefined;

  constructor(call: TracedCall<I, O>) {
    this.#call = call;
  }

  get method(): string {
    return this.#call.method.name;
  }

  get service(): string {
    return this.#call.method.parent.typeName;
  }

  get endpoint(): string {
    return this.#call.endpoint;
  }

  get stream(): boolean {
    return this.#call.method.methodKind !== "unary";
  }

  get request(): RedactedMessage | undefined {
    return this.#withRequest((schema, message) => redact(schema, message));
  }

  get durationMs(): number {
    return (this.#endedAt ?? performance.now()) - this.#startedAt;
  }

  get end(): RpcEnd | undefined {
    return this.#end;
  }

  get error(): CriError | undefined {
    return this.#error;
  }

  // Node sets `error` and `result` before it publishes the events.
  set error(error: CriError | undefined) {
    this.#error =
      error && (this.#withRequest((schema, message) => withoutSecrets(error, schema, message)) ?? error);
    this.finish("failed");
  }

  get result(): RedactedMessage | undefined {
    return this.#result && redact(this.#call.method.output, this.#result);
  }

  set result(message: unknown) {
    this.#result = message as MessageShape<O>;
    this.messages = 1;
    this.finish("complete");
  }

  #withRequest<T>(read: (schema: I, message: MessageShape<I>) => T): T | undefined {
    const { method, input } = this.#call;
    try {
      return read(method.input, create(method.input, input));
    } catch {
      // An invalid request of the caller must not throw in a subscriber.
      return undefined;
    }
  }

  finish(end: RpcEnd): void {
    this.#endedAt ??= performance.now();
    this.#end ??= end;
  }
}

/** Makes a unary call and publishes its events, as Node does for traced promises. */
export function traceUnary<I extends DescMessage, O extends DescMessage>(
  call: TracedCall<I, O>,
  work: (trace: { attempts: number }) => Promise<MessageShape<O>>,
): Promise<MessageShape<O>> {
  const trace = new CallTrace(call);
  return channel.tracePromise(() => work(trace), trace);
}

/** Reads a stream and publishes its events. `isConsumerReturn` reports whether a failure only means that the consumer stopped reading. */
export async function* traceStream<I extends DescMessage, O extends DescMessage>(
  call: TracedCall<I, O>,
  messages: AsyncIterable<MessageShape<O>>,
  isConsumerReturn: () => boolean,
): AsyncGenerator<MessageShape<O>> {
  const trace = new CallTrace(call);
  const source = messages[Symbol.asyncIterator]();
  trace.attempts = 1;
  let step = channel.start.runStores(trace, () => source.next());
  channel.end.publish(trace);
  try {
    for (let result = await step; !result.done; result = await step) {
      trace.messages++;
      yield result.value;
      step = source.next();
    }
    trace.finish("complete");
  } catch (error) {
    if (!isConsumerReturn()) {
      trace.error = error as CriError;
      channel.error.publish(trace);
    }
    throw error;
  } finally {
    trace.finish("stopped");
    channel.asyncStart.publish(trace);
    channel.asyncEnd.publish(trace);
    await source.return?.();
  }
}
