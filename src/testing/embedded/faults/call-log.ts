import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { rpcs } from "../../../clients/rpcs.js";
import { type CriError, checkArgument, invalidOption, option } from "../../../core/index.js";
import type { RpcMethods, RpcName } from "../../../transport/index.js";

/** The request message of an RPC. */
export type RequestOf<N extends RpcName> = RpcMethods[N] extends { input: infer I extends DescMessage }
  ? MessageShape<I>
  : never;
/** The response message of an RPC, as its handler returns it: empty fields may be missing. */
export type ResponseOf<N extends RpcName> = RpcMethods[N] extends { output: infer O extends DescMessage }
  ? MessageInitShape<O>
  : never;

/** A call to the runtime, of any RPC. */
export type RecordedCall = { readonly [N in RpcName]: CallOf<N> }[RpcName];

/** A call of one RPC. */
export interface CallOf<N extends RpcName> {
  /** The RPC, by its TypeScript name. */
  readonly method: N;
  /** The request. */
  readonly request: RequestOf<N>;
  /** The response; for a stream, its messages so far (the last 1,000). Empty for a call that failed or is in flight. */
  readonly responses: readonly ResponseOf<N>[];
  /** The error of a call that failed. */
  readonly error: CriError | undefined;
  /** When the call arrived, by the runtime's clock, in nanoseconds since 1970. */
  readonly startedAt: bigint;
  /** The duration by the runtime's clock, in nanoseconds; undefined while the call is in flight. */
  readonly durationNanos: bigint | undefined;
  /** The caller, as in {@link CallContext.peer}. */
  readonly peer: string;
}

/** The check of the name of an RPC. */
export const methodCheck = option.oneOf(...(Object.keys(rpcs) as RpcName[]));

/** The latest calls to a runtime, oldest first. */
export interface CallLog {
  /** All calls that are kept; `callLimit` of the runtime's options is the limit. */
  readonly all: readonly RecordedCall[];
  /** The number of all calls, including those that are no longer kept. */
  readonly total: number;
  /** Returns the calls of one RPC. */
  of<N extends RpcName>(method: N): readonly CallOf<N>[];
  /** Deletes all records. */
  clear(): void;
}

/** The call log, as the runtime writes it. */
export class CallRecorder implements CallLog {
  readonly #limit: number;
  #calls: RecordedCall[] = [];
  total = 0;

  constructor(limit: number) {
    if (!(limit >= 0)) throw invalidOption("callLimit", limit, "must be 0 or more");
    this.#limit = limit;
  }

  get all(): readonly RecordedCall[] {
    return this.#calls.slice(-this.#limit || this.#calls.length);
  }

  of<N extends RpcName>(method: N): readonly CallOf<N>[] {
    checkArgument("calls.of", "method", method, methodCheck);
    const isOf = (call: RecordedCall): boolean => call.method === method;
    // A call's method determines the types of its messages.
    return this.all.filter(isOf) as unknown as readonly CallOf<N>[];
  }

  clear(): void {
    this.#calls = [];
    this.total = 0;
  }

  add(call: RecordedCall): void {
    this.total++;
    if (this.#limit === 0) return;
    this.#calls.push(call);
    // Halved now and then: shifting at every call would be slow.
    if (this.#calls.length >= 2 * this.#limit) this.#calls = this.#calls.slice(-this.#limit);
  }
}
