import {
  type CriError,
  type CriErrorCode,
  checkArgument,
  criError,
  criErrorCodes,
  OptionTable,
  option,
} from "../../../core/index.js";
import type { RpcName } from "../../../transport/index.js";
import { methodCheck, type ResponseOf } from "./call-log.js";

/** How often a fault happens. */
export interface FaultOptions {
  /**
   * The number of calls; `Infinity` for all of them.
   * @default 1
   */
  readonly times?: number | undefined;
}

/** When during a call a fault happens. */
export interface FaultTimingOptions extends FaultOptions {
  /**
   * `before` the runtime does anything, or `after` it did everything, so that only the response is lost.
   * @default "before"
   */
  readonly when?: "before" | "after" | undefined;
}

/**
 * A gRPC error for a call to fail with. The client derives its `reason` as for a real runtime: the message
 * `server is not initialized yet` becomes `runtime_starting`, which the SDK retries.
 */
export interface FaultError {
  /** The gRPC code. */
  readonly code: CriErrorCode;
  /** @default "a fault of the test" */
  readonly message?: string | undefined;
}

/**
 * Makes a runtime fail as real ones do. Faults of one RPC happen in the order in which they were added. A fault applies to
 * the RPC that is called: `cri.lists.containers()` calls `streamContainers` where the runtime has it.
 */
export interface Faults {
  /** Lets the next calls of an RPC fail with an error. */
  failNext(method: RpcName, error: FaultError, options?: FaultTimingOptions): void;
  /** Delays the next calls of an RPC by this many milliseconds of the runtime's clock. */
  delay(method: RpcName, ms: number, options?: FaultTimingOptions): void;
  /** Cuts the connection during the next calls of an RPC; all other calls on that connection fail, too. */
  cutConnection(method: RpcName, options?: FaultTimingOptions): void;
  /**
   * Replaces the responses of the next calls of an RPC by what `change` returns: a message, or bytes.
   * @param change by default, returns bytes that are not a valid message
   */
  corrupt<N extends RpcName>(
    method: N,
    change?: ((response: ResponseOf<N>) => ResponseOf<N> | Uint8Array) | undefined,
    options?: FaultOptions,
  ): void;
  /** Drops the next `count` events for all subscribers. */
  dropEvents(count: number): void;
  /**
   * Stops the daemon as SIGKILL would: all connections and sessions break, and new ones are refused. Containers keep
   * running; their changes in the meantime cause no events.
   */
  crash(): Promise<void>;
  /** Starts the daemon again, on the same sockets and with its state. */
  restart(): Promise<void>;
  /** A description of each fault that has not happened yet. A fault for all calls is pending until the first one. */
  readonly pending: readonly string[];
  /** Throws if a fault is pending: the test did not make the call that the fault is for. */
  assertNoPendingFaults(): void;
  /** Removes all faults. */
  clear(): void;
}

function checkMethod(operation: string, method: RpcName): void {
  checkArgument(operation, "method", method, methodCheck);
}

const faultChecks = {
  times: (value: number) =>
    value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && value >= 1)
      ? undefined
      : "must be a whole number of 1 or more, or Infinity",
};
const faultTable = new OptionTable<FaultOptions>(faultChecks);
const timingTable = new OptionTable<FaultTimingOptions>({
  ...faultChecks,
  when: option.oneOf("before", "after"),
});
const errorTable = new OptionTable<FaultError>({
  code: option.required(option.oneOf(...criErrorCodes)),
  message: option.string,
});

/** A fault and the number of calls it is still for. */
export interface Fault {
  readonly method: RpcName;
  readonly kind: "fail" | "delay" | "cut" | "corrupt";
  readonly when: "before" | "after";
  readonly ms: number;
  readonly error: CriError | undefined;
  readonly change: ((response: never) => unknown) | undefined;
  remaining: number;
  used: number;
}

/** The parts of the runtime that faults of the whole runtime act on. */
export interface FaultTarget {
  crash(): Promise<void>;
  restart(): Promise<void>;
  dropEvents(count: number): void;
}

const invalidMessage = Buffer.from("ffffffffff", "hex");

/** The faults of a runtime, and the queue from which its calls take them. */
export class FaultInjector implements Faults {
  readonly #target: FaultTarget;
  #faults: Fault[] = [];

  constructor(target: FaultTarget) {
    this.#target = target;
  }

  failNext(method: RpcName, error: FaultError, options: FaultTimingOptions = {}): void {
    checkMethod("faults.failNext", method);
    checkArgument("faults.failNext", "error", error, option.nested(errorTable));
    timingTable.check("faults.failNext", options);
    const { code, message = "a fault of the test" } = error;
    this.#add("fail", method, options, { error: criError("runtime_error", message, { code }) });
  }

  delay(method: RpcName, ms: number, options: FaultTimingOptions = {}): void {
    checkMethod("faults.delay", method);
    checkArgument("faults.delay", "ms", ms, option.milliseconds);
    timingTable.check("faults.delay", options);
    this.#add("delay", method, options, { ms });
  }

  cutConnection(method: RpcName, options: FaultTimingOptions = {}): void {
    checkMethod("faults.cutConnection", method);
    timingTable.check("faults.cutConnection", options);
    this.#add("cut", method, options, {});
  }

  corrupt<N extends RpcName>(
    method: N,
    change?: ((response: ResponseOf<N>) => ResponseOf<N> | Uint8Array) | undefined,
    options: FaultOptions = {},
  ): void {
    checkMethod("faults.corrupt", method);
    if (change !== undefined) checkArgument("faults.corrupt", "change", change, option.callback);
    faultTable.check("faults.corrupt", options);
    this.#add("corrupt", method, { ...options, when: "after" }, { change: change ?? (() => invalidMessage) });
  }

  dropEvents(count: number): void {
    checkArgument("faults.dropEvents", "count", count, option.number(0));
    this.#target.dropEvents(count);
  }

  crash(): Promise<void> {
    return this.#target.crash();
  }

  restart(): Promise<void> {
    return this.#target.restart();
  }

  get pending(): readonly string[] {
    return this.#faults
      .filter(({ remaining, used }) => Number.isFinite(remaining) || used === 0)
      .map(({ kind, method, remaining }) => `${kind} ${method}, ${remaining} left`);
  }

  assertNoPendingFaults(): void {
    const { pending } = this;
    if (pending.length > 0) throw new Error(`faults are pending: ${pending.join("; ")}`);
  }

  clear(): void {
    this.#faults = [];
    this.#target.dropEvents(0);
  }

  /** Takes the next fault of a kind for a call, and counts it as used. */
  take(method: RpcName, kind: Fault["kind"], when: Fault["when"]): Fault | undefined {
    if (this.#faults.length === 0) return undefined;
    const fault = this.#faults.find((one) => one.method === method && one.kind === kind && one.when === when);
    if (!fault) return undefined;
    fault.used++;
    if (--fault.remaining <= 0) this.#faults = this.#faults.filter((one) => one !== fault);
    return fault;
  }

  #add(
    kind: Fault["kind"],
    method: RpcName,
    { times = 1, when = "before" }: FaultTimingOptions,
    details: Partial<Pick<Fault, "ms" | "error" | "change">>,
  ): void {
    const { ms = 0, error, change } = details;
    this.#faults.push({ kind, method, when, ms, error, change, remaining: times, used: 0 });
  }
}
