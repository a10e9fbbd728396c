import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { type CriError, invalidOption } from "../../../core/index.js";
import type { RpcMethods, RpcName } from "../../../transport/index.js";

/** The request of an RPC. */
export type RequestOf<N extends RpcName> = RpcMethods[N] extends { input: infer I extends DescMessage }
  ? MessageShape<I>
  : never;
/** The answer of an RPC, as a handler gives it: fields that are empty may be missing. */
export type AnswerOf<N extends RpcName> = RpcMethods[N] extends { output: infer O extends DescMessage }
  ? MessageInitShape<O>
  : never;

/** A call that was made to the runtime. */
export type RecordedCall = { readonly [N in RpcName]: CallOf<N> }[RpcName];

/** A call of one RPC. */
export interface CallOf<N extends RpcName> {
  readonly method: N;
  readonly request: RequestOf<N>;
  /** What was answered; for a stream, its messages so far. Empty for a call that failed, or is under way. */
  readonly answers: readonly AnswerOf<N>[];
  /** What the call failed with. */
  readonly error: CriError | undefined;
  /** When it came, by the runtime's clock, in nanoseconds since 1970. */
  readonly at: bigint;
  /** How long it took, in nanoseconds of the runtime's clock; undefined while it is under way. */
  readonly tookNanos: bigint | undefined;
  /** Who called, as in {@link CallContext.peer}. */
  readonly peer: string;
}

/** The calls that a runtime was made, oldest first. Keeps the newest ones only. */
export class CallLog {
  readonly #limit: number;
  #calls: RecordedCall[] = [];
  /** How many calls there were, with those that are no longer kept. */
  total = 0;

  constructor(limit: number) {
    if (!(limit >= 0)) throw invalidOption("callLimit", limit, "must be 0 or more");
    this.#limit = limit;
  }

  /** All calls that are kept. */
  get all(): readonly RecordedCall[] {
    return this.#calls.slice(-this.#limit || this.#calls.length);
  }

  /** The calls of one RPC. */
  of<N extends RpcName>(method: N): readonly CallOf<N>[] {
    const isOf = (call: RecordedCall): boolean => call.method === method;
    // What a call's method is tells the types of its messages.
    return this.all.filter(isOf) as unknown as readonly CallOf<N>[];
  }

  /** Forgets all calls so far. */
  clear(): void {
    this.#calls = [];
    this.total = 0;
  }

  /** @internal Called by the runtime. */
  add(call: RecordedCall): void {
    this.total++;
    if (this.#limit === 0) return;
    this.#calls.push(call);
    // Cut in halves, rather than moved at every call.
    if (this.#calls.length >= 2 * this.#limit) this.#calls = this.#calls.slice(-this.#limit);
  }
}
