import type { DescService } from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../../../gen/runtime/v1/api_pb.js";
import { CriError, isCriError } from "../../../core/index.js";
import type { CallContext, Services } from "../../../server/index.js";
import type { RpcName } from "../../../transport/index.js";
import type { Clock } from "../clock.js";
import type { CallLog, RecordedCall } from "./call-log.js";
import type { Faults } from "./faults.js";

/** What is put around every handler. */
export interface Instruments {
  readonly faults: Faults;
  readonly calls: CallLog;
  readonly clock: Clock;
  readonly unimplemented: readonly RpcName[];
}

type AnyHandler = (request: unknown, context: CallContext) => unknown;
/** A call's record while it is written. */
type Draft = { -readonly [K in "answers" | "error" | "tookNanos"]: RecordedCall[K] | unknown } & {
  answers: unknown[];
};

/** Handlers for every RPC, that keep a record of every call, and fail where faults are waiting. */
export function instrument({ runtime = {}, image = {} }: Services, instruments: Instruments): Services {
  return {
    runtime: wrapAll(RuntimeService, runtime, instruments),
    image: wrapAll(ImageService, image, instruments),
  };
}

function wrapAll<T extends object>(service: DescService, handlers: T, instruments: Instruments): T {
  const wrapped = service.methods.map(({ localName, methodKind }) => {
    // A service's local names are the names of its RPCs, and of their handlers.
    const handler = (handlers as Record<string, AnyHandler | undefined>)[localName];
    const call = new InstrumentedCall(localName as RpcName, handler, instruments);
    return [localName, methodKind === "unary" ? call.unary : call.stream] as const;
  });
  return Object.fromEntries(wrapped) as T;
}

class InstrumentedCall {
  readonly #method: RpcName;
  readonly #handler: AnyHandler;
  readonly #missing: boolean;
  readonly #instruments: Instruments;

  constructor(method: RpcName, handler: AnyHandler | undefined, instruments: Instruments) {
    this.#method = method;
    this.#handler = handler ?? (() => undefined);
    this.#missing = !handler || instruments.unimplemented.includes(method);
    this.#instruments = instruments;
  }

  readonly unary: AnyHandler = async (request, context) => {
    const draft = this.#record(request, context);
    const began = this.#instruments.clock.now();
    try {
      await this.#moment("before", context);
      const answer = await this.#handler(request, context);
      await this.#moment("after", context);
      draft.answers.push(answer);
      return this.#corrupted(answer);
    } catch (error) {
      draft.error = asTyped(error);
      throw error;
    } finally {
      draft.tookNanos = this.#instruments.clock.now() - began;
    }
  };

  readonly stream = (request: unknown, context: CallContext): AsyncGenerator<unknown> => {
    const draft = this.#record(request, context);
    return this.#messages(request, context, draft);
  };

  async *#messages(request: unknown, context: CallContext, draft: Draft): AsyncGenerator<unknown> {
    const began = this.#instruments.clock.now();
    try {
      await this.#moment("before", context);
      for await (const message of this.#handler(request, context) as AsyncIterable<unknown>) {
        draft.answers.push(message);
        // A stream of events lasts as long as its client.
        if (draft.answers.length > maxAnswers) draft.answers.shift();
        yield this.#corrupted(message);
      }
      await this.#moment("after", context);
    } catch (error) {
      draft.error = asTyped(error);
      throw error;
    } finally {
      draft.tookNanos = this.#instruments.clock.now() - began;
    }
  }

  /** What waits for this moment of the call: first a delay, then a cut or a failure. */
  async #moment(when: "before" | "after", context: CallContext): Promise<void> {
    const { faults, clock } = this.#instruments;
    const method = this.#method;
    if (this.#missing) throw notImplemented(context.method);
    const delay = faults.take(method, "delay", when);
    if (delay) await clock.sleep(delay.ms, context.signal);
    if (faults.take(method, "cut", when)) {
      context.cutConnection();
      throw new CriError({
        code: "unavailable",
        reason: "connection_lost",
        text: "the connection was cut",
      });
    }
    const failure = faults.take(method, "fail", when);
    if (failure?.error) throw failure.error;
  }

  #corrupted(answer: unknown): unknown {
    const change = this.#instruments.faults.take(this.#method, "corrupt", "after")?.change;
    return change ? change(answer as never) : answer;
  }

  #record(request: unknown, { peer }: CallContext): Draft {
    const { calls, clock } = this.#instruments;
    const draft = {
      method: this.#method,
      request,
      peer,
      at: clock.now(),
      answers: [],
      error: undefined,
      tookNanos: undefined,
    };
    // The handler's own types say that request and answers fit the method.
    calls.add(draft as unknown as RecordedCall);
    return draft;
  }
}

/** How many messages of a stream a record keeps. */
const maxAnswers = 1_000;

function notImplemented(method: string): CriError {
  const text = `method ${method} not implemented`;
  return new CriError({ code: "unimplemented", reason: "unimplemented", text });
}

function asTyped(error: unknown): CriError {
  if (isCriError(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new CriError({ code: "unknown", reason: "runtime_error", text, cause: error });
}
