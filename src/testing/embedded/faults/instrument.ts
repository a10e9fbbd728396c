import type { DescService } from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../../../gen/runtime/v1/api_pb.js";
import { type CriError, criError, isCriError, messageOf } from "../../../core/index.js";
import type { CallContext, Services } from "../../../server/index.js";
import type { RpcName } from "../../../transport/index.js";
import type { Clock } from "../clock.js";
import type { Profile } from "../profile.js";
import type { CallRecorder, RecordedCall } from "./call-log.js";
import type { FaultInjector } from "./faults.js";

/** What is wrapped around every handler. */
export interface Instruments {
  readonly faults: FaultInjector;
  readonly calls: CallRecorder;
  readonly clock: Clock;
  readonly profile: Pick<Profile, "unimplemented" | "unknownCodes">;
}

type AnyHandler = (request: unknown, context: CallContext) => unknown;
/** The record of a call in flight. */
type DraftCall = { -readonly [K in "responses" | "error" | "durationNanos"]: RecordedCall[K] | unknown } & {
  responses: unknown[];
};

/** The limit of messages in the record of a stream: an event stream may never end. */
const maxResponses = 1_000;

/**
 * Wraps the handlers of all RPCs so that they record each call, apply faults, and fail with `unimplemented` where they
 * should.
 */
export function instrument({ runtime = {}, image = {} }: Services, instruments: Instruments): Services {
  return {
    runtime: wrapAll(RuntimeService, runtime, instruments),
    image: wrapAll(ImageService, image, instruments),
  };
}

function wrapAll<T extends object>(service: DescService, handlers: T, instruments: Instruments): T {
  const wrapped = service.methods.map(({ localName, methodKind }) => {
    // Handlers have the local names of their RPCs.
    const handler = (handlers as Record<string, AnyHandler | undefined>)[localName];
    const rpc = new InstrumentedRpc(localName as RpcName, handler, instruments);
    return [localName, methodKind === "unary" ? rpc.unary : rpc.stream] as const;
  });
  return Object.fromEntries(wrapped) as T;
}

class InstrumentedRpc {
  readonly #method: RpcName;
  readonly #handler: AnyHandler;
  readonly #isUnimplemented: boolean;
  readonly #instruments: Instruments;

  constructor(method: RpcName, handler: AnyHandler | undefined, instruments: Instruments) {
    this.#method = method;
    this.#handler = handler ?? (() => undefined);
    this.#isUnimplemented = !handler || instruments.profile.unimplemented.includes(method);
    this.#instruments = instruments;
  }

  readonly unary: AnyHandler = async (request, context) => {
    const draft = this.#record(request, context);
    const startedAt = this.#instruments.clock.now();
    try {
      await this.#applyFaults("before", context);
      const response = await this.#handler(request, context);
      await this.#applyFaults("after", context);
      draft.responses.push(response);
      return this.#corrupted(response);
    } catch (error) {
      throw this.#failed(draft, error);
    } finally {
      draft.durationNanos = this.#instruments.clock.now() - startedAt;
    }
  };

  readonly stream = (request: unknown, context: CallContext): AsyncGenerator<unknown> => {
    const draft = this.#record(request, context);
    return this.#messages(request, context, draft);
  };

  async *#messages(request: unknown, context: CallContext, draft: DraftCall): AsyncGenerator<unknown> {
    const startedAt = this.#instruments.clock.now();
    try {
      await this.#applyFaults("before", context);
      for await (const message of this.#handler(request, context) as AsyncIterable<unknown>) {
        draft.responses.push(message);
        if (draft.responses.length > maxResponses) draft.responses.shift();
        yield this.#corrupted(message);
      }
      await this.#applyFaults("after", context);
    } catch (error) {
      throw this.#failed(draft, error);
    } finally {
      draft.durationNanos = this.#instruments.clock.now() - startedAt;
    }
  }

  /** Applies the pending faults of this moment: a delay first, then a cut or an error. */
  async #applyFaults(when: "before" | "after", context: CallContext): Promise<void> {
    const { faults, clock } = this.#instruments;
    const method = this.#method;
    if (this.#isUnimplemented) throw criError("unimplemented", `method ${context.method} not implemented`);
    const delay = faults.take(method, "delay", when);
    if (delay) await clock.sleep(delay.ms, context.signal);
    if (faults.take(method, "cut", when)) {
      context.cutConnection();
      throw criError("connection_lost", "connection lost: cut by a fault (faults.cutConnection)");
    }
    const failure = faults.take(method, "fail", when);
    if (failure?.error) throw failure.error;
  }

  /** Records the error of a call, with the code that the profile's runtime would send. */
  #failed(draft: DraftCall, thrown: unknown): CriError {
    const error = toCriError(thrown);
    const isUnknown = this.#instruments.profile.unknownCodes[error.reason]?.includes(this.#method);
    const sent = isUnknown ? error.with({ code: "unknown" }) : error;
    draft.error = sent;
    return sent;
  }

  #corrupted(response: unknown): unknown {
    const change = this.#instruments.faults.take(this.#method, "corrupt", "after")?.change;
    return change ? change(response as never) : response;
  }

  #record(request: unknown, { peer }: CallContext): DraftCall {
    const { calls, clock } = this.#instruments;
    const draft = {
      method: this.#method,
      request,
      peer,
      startedAt: clock.now(),
      responses: [],
      error: undefined,
      durationNanos: undefined,
    };
    // The types of handlers ensure that request and responses belong to the method.
    calls.add(draft as unknown as RecordedCall);
    return draft;
  }
}

function toCriError(error: unknown): CriError {
  if (isCriError(error)) return error;
  const text = messageOf(error);
  return criError("runtime_error", text, { code: "unknown", cause: error });
}
