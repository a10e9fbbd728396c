import { tracingChannel } from "node:diagnostics_channel";
import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import type { CriError } from "../core/index.js";
import { type RedactedMessage, redact } from "./redact.js";
import { withoutSecrets } from "./redact-error.js";
import type { RpcEnd } from "./watch-call.js";

/**
 * What subscribers of `tracingChannel("cri-sdk:rpc")` of `node:diagnostics_channel` are given: one object for a call,
 * the same in all its events, as the caller sees the call: repetitions included, with the errors that the caller gets.
 */
export interface RpcDiagnostics {
  /** The RPC, by CRI's name: `RunPodSandbox`. */
  readonly method: string;
  /** Its service: `runtime.v1.RuntimeService`. */
  readonly service: string;
  /** The endpoint as a URL. */
  readonly endpoint: string;
  /** Whether it is a server-streaming RPC. Its `end` comes when the call was begun, its `asyncEnd` when it is over. */
  readonly stream: boolean;
  /** The request with secrets masked, made when it is looked at; undefined where what was given is no request. */
  readonly request: RedactedMessage | undefined;
  /** How often the call was sent to the transport so far: 0 where preflight refused it, more than 1 after a repetition. */
  readonly attempts: number;
  /** How many messages a stream gave so far. */
  readonly messages: number;
  /** From the call to now, or to its end, in milliseconds. */
  readonly durationMs: number;
  /** How it ended; undefined until `error` and `asyncEnd`. */
  readonly end: RpcEnd | undefined;
  /** What it failed with, with the request's secrets masked in its text; undefined before, and otherwise. */
  readonly error: CriError | undefined;
  /** The answer of a unary call with secrets masked, made when it is looked at; undefined before, and otherwise. */
  readonly result: RedactedMessage | undefined;
}

const channel = tracingChannel<unknown, CallTrace<DescMessage, DescMessage>>("cri-sdk:rpc");

/** Whether somebody listens; the one thing that a call asks when nobody does. */
export function isTraced(): boolean {
  return channel.hasSubscribers;
}

/** What a trace is of. */
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

/** One call, as its events tell of it. */
export class CallTrace<I extends DescMessage, O extends DescMessage> implements RpcDiagnostics {
  attempts = 0;
  messages = 0;
  // Private, so that no inspection of the object shows a secret.
  readonly #call: TracedCall<I, O>;
  readonly #began = performance.now();
  #ended: number | undefined;
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
    return this.#ofRequest((schema, message) => redact(schema, message));
  }

  get durationMs(): number {
    return (this.#ended ?? performance.now()) - this.#began;
  }

  get end(): RpcEnd | undefined {
    return this.#end;
  }

  get error(): CriError | undefined {
    return this.#error;
  }

  // Node sets it, and `result`, before it tells.
  set error(error: CriError | undefined) {
    this.#error =
      error && (this.#ofRequest((schema, message) => withoutSecrets(error, schema, message)) ?? error);
    this.over("failed");
  }

  get result(): RedactedMessage | undefined {
    return this.#result && redact(this.#call.method.output, this.#result);
  }

  set result(message: unknown) {
    this.#result = message as MessageShape<O>;
    this.messages = 1;
    this.over("complete");
  }

  #ofRequest<T>(look: (schema: I, message: MessageShape<I>) => T): T | undefined {
    const { method, input } = this.#call;
    try {
      return look(method.input, create(method.input, input));
    } catch {
      // A subscriber that looks must not fail for what the caller gave.
      return undefined;
    }
  }

  over(end: RpcEnd): void {
    this.#ended ??= performance.now();
    this.#end ??= end;
  }
}

/** Makes a unary call and tells of it, in the shape that Node gives to promises that are traced. */
export function traceUnary<I extends DescMessage, O extends DescMessage>(
  call: TracedCall<I, O>,
  work: (trace: { attempts: number }) => Promise<MessageShape<O>>,
): Promise<MessageShape<O>> {
  const trace = new CallTrace(call);
  return channel.tracePromise(() => work(trace), trace);
}

/** Reads a stream and tells of it. `isLeft` says whether a failure is only the reader's leaving. */
export async function* traceStream<I extends DescMessage, O extends DescMessage>(
  call: TracedCall<I, O>,
  messages: AsyncIterable<MessageShape<O>>,
  isLeft: () => boolean,
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
    trace.over("complete");
  } catch (error) {
    if (!isLeft()) {
      trace.error = error as CriError;
      channel.error.publish(trace);
    }
    throw error;
  } finally {
    trace.over("left");
    channel.asyncStart.publish(trace);
    channel.asyncEnd.publish(trace);
    await source.return?.();
  }
}
