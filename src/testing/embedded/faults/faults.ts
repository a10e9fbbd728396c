import { CriError, type CriErrorCode, invalidOption } from "../../../core/index.js";
import type { RpcName } from "../../../transport/index.js";
import type { AnswerOf } from "./call-log.js";

/** How often a fault happens. */
export interface FaultOptions {
  /**
   * How many calls it happens to; `Infinity` for all of them.
   * @default 1
   */
  readonly times?: number | undefined;
}

/** When in a call a fault happens. */
export interface MomentOptions extends FaultOptions {
  /**
   * `before` the runtime has done anything, or `after` it has done everything, so that only the answer is lost.
   * @default "before"
   */
  readonly when?: "before" | "after" | undefined;
}

/**
 * An error to fail with: a code and a text, as they go over the wire. The client's `reason` follows from them, as with a real
 * runtime: `server is not initialized yet` is `runtime_starting`, which the SDK tries again.
 */
export interface FaultError {
  readonly code: CriErrorCode;
  /** @default "a fault of the test" */
  readonly text?: string | undefined;
}

/** @internal A fault that waits for its calls. */
export interface Fault {
  readonly method: RpcName;
  readonly kind: "fail" | "delay" | "cut" | "corrupt";
  readonly when: "before" | "after";
  readonly ms: number;
  readonly error: CriError | undefined;
  readonly change: ((answer: never) => unknown) | undefined;
  left: number;
  used: number;
}

/** What the runtime can do for the faults that concern all of it. */
export interface FaultHost {
  crash(): Promise<void>;
  restart(): Promise<void>;
  dropEvents(count: number): void;
}

const garbage = Buffer.from("ffffffffff", "hex");

/**
 * Makes a runtime fail as real ones do. Faults of one RPC happen in the order in which they were asked for. They are for the
 * RPC that is called: `cri.lists.containers()` calls `streamContainers` where the runtime has it.
 */
export class Faults {
  readonly #host: FaultHost;
  #faults: Fault[] = [];

  /** @internal Made by the runtime. */
  constructor(host: FaultHost) {
    this.#host = host;
  }

  /** Lets the next calls of an RPC fail. */
  failNext(method: RpcName, error: FaultError, options: MomentOptions = {}): void {
    const { code, text = "a fault of the test" } = error;
    this.#add("fail", method, options, { error: new CriError({ code, reason: "runtime_error", text }) });
  }

  /** Lets the next calls of an RPC take this many milliseconds longer, by the runtime's clock. */
  delay(method: RpcName, ms: number, options: MomentOptions = {}): void {
    if (!(ms >= 0)) throw invalidOption("ms", ms, "must be 0 milliseconds or more");
    this.#add("delay", method, options, { ms });
  }

  /** Cuts the connection under the next calls of an RPC, and so under all other calls of that client. */
  cutConnection(method: RpcName, options: MomentOptions = {}): void {
    this.#add("cut", method, options, {});
  }

  /**
   * Changes what the next calls of an RPC are answered: what `change` gives, a message or bytes. Without it, the answer
   * is bytes that are no message.
   */
  corrupt<N extends RpcName>(
    method: N,
    change?: ((answer: AnswerOf<N>) => AnswerOf<N> | Uint8Array) | undefined,
    options: FaultOptions = {},
  ): void {
    this.#add("corrupt", method, { ...options, when: "after" }, { change: change ?? (() => garbage) });
  }

  /** Loses the next events on their way to all subscribers. */
  dropEvents(count: number): void {
    if (!(count >= 0)) throw invalidOption("count", count, "must be 0 or more");
    this.#host.dropEvents(count);
  }

  /**
   * Ends the daemon as SIGKILL does: every connection and session breaks, calls find nobody. Containers go on running;
   * what happens to them meanwhile is told in no event.
   */
  crash(): Promise<void> {
    return this.#host.crash();
  }

  /** Starts the daemon again, on the same sockets, with what it knew. */
  restart(): Promise<void> {
    return this.#host.restart();
  }

  /** What was asked for, and did not happen yet, in words. What happens to all calls has happened with the first. */
  get pending(): readonly string[] {
    return this.#faults
      .filter(({ left, used }) => Number.isFinite(left) || used === 0)
      .map(({ kind, method, left }) => `${kind} ${method}, ${left} left`);
  }

  /** Throws when a fault is pending: the test did not make the call that it was for. */
  assertNoPendingFaults(): void {
    const { pending } = this;
    if (pending.length > 0) throw new Error(`faults are pending: ${pending.join("; ")}`);
  }

  /** Forgets all faults. */
  clear(): void {
    this.#faults = [];
    this.#host.dropEvents(0);
  }

  /** @internal The next fault of this kind for a call, counted. */
  take(method: RpcName, kind: Fault["kind"], when: Fault["when"]): Fault | undefined {
    if (this.#faults.length === 0) return undefined;
    const fault = this.#faults.find((one) => one.method === method && one.kind === kind && one.when === when);
    if (!fault) return undefined;
    fault.used++;
    if (--fault.left <= 0) this.#faults = this.#faults.filter((one) => one !== fault);
    return fault;
  }

  #add(
    kind: Fault["kind"],
    method: RpcName,
    { times = 1, when = "before" }: MomentOptions,
    what: Partial<Pick<Fault, "ms" | "error" | "change">>,
  ): void {
    if (!(times >= 1)) throw invalidOption("times", times, "must be 1 or more");
    const { ms = 0, error, change } = what;
    this.#faults.push({ kind, method, when, ms, error, change, left: times, used: 0 });
  }
}
