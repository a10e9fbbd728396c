import { randomBytes } from "node:crypto";
import {
  type CriError,
  checkArgument,
  criError,
  isCriError,
  messageOf,
  OptionTable,
  option,
} from "../../core/index.js";
import { type CriServer, proxy, type ServeOptions, type Services } from "../../server/index.js";
import { type RpcTransport, transportCheck } from "../../transport/index.js";
import { Daemon } from "../daemon.js";
import { type Clock, clockCheck, systemClock } from "../embedded/clock.js";
import { chaosFaults, planCheck } from "./check-plan.js";
import { Decisions } from "./decisions.js";
import { defaultChaosPlan } from "./default-plan.js";
import { FaultyRpcs } from "./faulty-rpcs.js";
import type { ChaosRecord } from "./records.js";
import type { ChaosFault, ChaosPlan } from "./rules.js";
import { SessionRelays } from "./session-relay.js";
import { Waits } from "./waits.js";

/** Options of {@link chaos}. */
export interface ChaosOptions {
  /** What goes wrong, and when. @default `defaultChaosPlan` */
  readonly plan?: ChaosPlan | undefined;
  /** With the same seed and plan, the same calls have the same faults. @default a new one */
  readonly seed?: string | undefined;
  /** Callback for each fault, when it happens. Errors that it throws are ignored. @default none */
  readonly onFault?: ((record: ChaosRecord) => void) | undefined;
  /**
   * Callback for a restart that could not open a socket again, such as one that another process took. It is tried again each second.
   * @default none
   */
  readonly onError?: ((error: CriError) => void) | undefined;
  /** The time source of delays, stalls and restarts, such as a `VirtualClock`. @default the clock of this machine */
  readonly clock?: Clock | undefined;
}

const chaosTable = new OptionTable<ChaosOptions>({
  plan: planCheck,
  seed: option.nonEmptyString,
  onFault: option.callback,
  onError: option.callback,
  clock: clockCheck,
});

/** A proxy that causes faults in front of a runtime. `connect.through(chaos)` uses it in memory. `await using` closes it. */
export interface Chaos extends AsyncDisposable {
  /** A transport in memory, for `connect.through(chaos)`. Behaves like a socket. */
  readonly transport: RpcTransport;
  /** The handlers of all RPCs, for a server of your own. Restarts break only what `transport` and `serve()` have opened. */
  readonly services: Services;
  /** The seed of the decisions: {@link ChaosOptions.seed}, or a new one. */
  readonly seed: string;
  /** The number of faults that happened, by kind. */
  readonly counts: Readonly<Record<ChaosFault, number>>;
  /** The number of faults that happened. */
  readonly total: number;
  /**
   * Serves at an endpoint, also after each restart, until the server or the proxy is closed. Takes what `serve()` takes, and rejects
   * with its reasons, and with `server_closed`.
   */
  serve(endpoint: string, options?: ServeOptions): Promise<CriServer>;
  /**
   * Causes no more faults until `resume()`. Delays, stalls and hanging calls end: what they held back arrives now. Calls are still counted.
   * Resolves when the proxy serves again, if a restart was in progress.
   */
  pause(): Promise<void>;
  /** Causes faults again. */
  resume(): void;
  /** Breaks all connections and sessions, and refuses new ones until `restart()`. The runtime is not affected. */
  crash(): Promise<void>;
  /** Serves again, on the same sockets. Rejects with the reasons of `serve()`. */
  restart(): Promise<void>;
  /** Ends all calls and sessions, and closes all servers. Leaves the upstream open. Idempotent. */
  close(): Promise<void>;
}

/**
 * Puts a proxy that causes faults in front of a runtime, real or embedded: late and lost responses, errors, streams that break or stall,
 * lost events, restarts. Calls without a fault are forwarded as by `proxy()`. RPCs that this schema does not contain have no faults.
 *
 * The caller owns the upstream and closes it after the proxy. Throws {@link CriError} `invalid_option`.
 */
export function chaos(upstream: RpcTransport, options: ChaosOptions = {}): Chaos {
  checkArgument("chaos", "upstream", upstream, transportCheck);
  chaosTable.check("chaos", options);
  return new ChaosProxy(upstream, options);
}

/** The interval between two attempts to serve again. */
const retryMs = 1_000;

class ChaosProxy implements Chaos {
  readonly transport: RpcTransport;
  readonly services: Services;
  /** The seed of the decisions: {@link ChaosOptions.seed}, or a new one. */
  readonly seed: string;
  readonly #counts = Object.fromEntries(chaosFaults.map((fault) => [fault, 0])) as Record<ChaosFault, number>;
  readonly #options: ChaosOptions;
  readonly #waits: Waits;
  readonly #relays = new SessionRelays();
  readonly #daemon: Daemon;
  readonly #end = new AbortController();
  #isPaused = false;
  /** The restart in progress that a fault has caused. */
  #restarting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(upstream: RpcTransport, options: ChaosOptions) {
    const { plan = defaultChaosPlan, seed = randomBytes(8).toString("hex"), clock = systemClock() } = options;
    this.#options = options;
    this.seed = seed;
    this.#waits = new Waits(clock);
    // The caller may change the plan later.
    const decisions = new Decisions(structuredClone(plan), seed);
    const rpcs = new FaultyRpcs({
      decisions,
      waits: this.#waits,
      relays: decisions.includes("restart", "cutSession") ? this.#relays : undefined,
      isPaused: () => this.#isPaused,
      report: (record) => this.#report(record),
      restart: (downMs) => this.#startRestart(downMs),
    });
    this.services = rpcs.around(proxy(upstream));
    this.#daemon = new Daemon(this.services, "the chaos proxy");
    this.transport = this.#daemon.transport;
  }

  get counts(): Readonly<Record<ChaosFault, number>> {
    return { ...this.#counts };
  }

  get total(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  async serve(endpoint: string, options?: ServeOptions): Promise<CriServer> {
    if (this.#closing) throw criError("server_closed", "serve: the chaos proxy was closed");
    return this.#daemon.serve(endpoint, options);
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
    this.#waits.release();
    await this.#restarting;
  }

  resume(): void {
    this.#isPaused = false;
  }

  async crash(): Promise<void> {
    this.#relays.breakAll();
    await this.#daemon.down();
  }

  async restart(): Promise<void> {
    if (!this.#closing) await this.#daemon.up();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#end.abort(criError("server_closed", "the chaos proxy was closed"));
    this.#relays.close();
    await this.#daemon.down();
    await this.#restarting;
    this.#waits.release();
  }

  #report(record: Omit<ChaosRecord, "time" | "seed">): void {
    this.#counts[record.fault]++;
    const { onFault } = this.#options;
    if (!onFault) return;
    const report = async () => onFault({ time: new Date().toISOString(), seed: this.seed, ...record });
    report().catch(() => undefined);
  }

  /** Returns false if the proxy is down, or restarts already. */
  #startRestart(downMs: number): boolean {
    if (this.#restarting || this.#daemon.isDown || this.#closing) return false;
    this.#restarting = this.#restart(downMs).finally(() => {
      this.#restarting = undefined;
    });
    return true;
  }

  async #restart(downMs: number): Promise<void> {
    await this.crash();
    await this.#waits.wait(downMs, this.#end.signal).catch(() => undefined);
    while (!this.#closing)
      try {
        return await this.#daemon.up();
      } catch (error) {
        this.#options.onError?.(
          isCriError(error) ? error : criError("unreachable", messageOf(error), { cause: error }),
        );
        await this.#waits.wait(retryMs, this.#end.signal).catch(() => undefined);
      }
  }
}
