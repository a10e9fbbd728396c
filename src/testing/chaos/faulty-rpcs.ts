import { ImageService, RuntimeService } from "../../../gen/runtime/v1/api_pb.js";
import { type CriErrorCode, criError, isCriError, isRecord, linkedController } from "../../core/index.js";
import type { CallContext, Services } from "../../server/index.js";
import type { RpcName } from "../../transport/index.js";
import { sessionMethods } from "./check-plan.js";
import type { Decision, Decisions, Hit } from "./decisions.js";
import { drawMs } from "./durations.js";
import { FaultyStream } from "./faulty-stream.js";
import { type ChaosRecord, objectsOf } from "./records.js";
import type { RuleOf } from "./rules.js";
import type { SessionRelays } from "./session-relay.js";
import type { Waits } from "./waits.js";

/** What the calls of a proxy share. */
export interface ChaosParts {
  readonly decisions: Decisions;
  readonly waits: Waits;
  /** Undefined if no rule needs to break sessions: clients connect to the runtime then. */
  readonly relays: SessionRelays | undefined;
  readonly isPaused: () => boolean;
  readonly report: (record: Omit<ChaosRecord, "time" | "seed">) => void;
  /** Restarts the proxy; returns false if it is down already. */
  readonly restart: (downMs: number) => boolean;
}

type AnyHandler = (request: unknown, context: CallContext) => unknown;
type TimedRule = RuleOf<"delay" | "fail" | "cutConnection" | "hang" | "restart">;

/** Wraps the handlers of a proxy, so that faults happen to their calls. */
export class FaultyRpcs {
  readonly #parts: ChaosParts;

  constructor(parts: ChaosParts) {
    this.#parts = parts;
  }

  around({ runtime = {}, image = {}, ...others }: Services): Services {
    const wrapAll = <T extends object>(
      service: typeof RuntimeService | typeof ImageService,
      handlers: T,
    ): T => {
      const wrapped = service.methods.map(({ localName, methodKind }) => {
        // A proxy has a handler for every RPC, under its local name.
        const handler = (handlers as Record<string, AnyHandler>)[localName] as AnyHandler;
        const wrap = methodKind === "unary" ? this.#unary : this.#stream;
        return [localName, wrap(localName as RpcName, handler)] as const;
      });
      return Object.fromEntries(wrapped) as T;
    };
    return { ...others, runtime: wrapAll(RuntimeService, runtime), image: wrapAll(ImageService, image) };
  }

  readonly #unary = (method: RpcName, handler: AnyHandler): AnyHandler => {
    const { decisions, isPaused, relays } = this.#parts;
    const isSession = relays && (sessionMethods as readonly RpcName[]).includes(method);
    return (request, context) => {
      const decision = decisions.next(method, isPaused());
      const isUntouched = decision.delays.length === 0 && !decision.fault;
      if (isUntouched && !isSession) return handler(request, context);
      return new FaultyCall(this.#parts, method, decision, request, context).unary(handler);
    };
  };

  readonly #stream = (method: RpcName, handler: AnyHandler): AnyHandler => {
    const { decisions, isPaused } = this.#parts;
    return (request, context) => {
      const decision = decisions.next(method, isPaused());
      const { delays, fault, events } = decision;
      if (delays.length === 0 && !fault && events.length === 0) return handler(request, context);
      return new FaultyCall(this.#parts, method, decision, request, context).stream(handler);
    };
  };
}

/** Bytes that no message begins with. */
const invalidMessage = Buffer.from("ffffffffff", "hex");

/** A call to which faults may happen. */
class FaultyCall {
  readonly #parts: ChaosParts;
  readonly #method: RpcName;
  readonly #decision: Decision;
  readonly #request: unknown;
  readonly #context: CallContext;
  #response: unknown;
  #upstream: CriErrorCode | "ok" | undefined;

  constructor(
    parts: ChaosParts,
    method: RpcName,
    decision: Decision,
    request: unknown,
    context: CallContext,
  ) {
    this.#parts = parts;
    this.#method = method;
    this.#decision = decision;
    this.#request = request;
    this.#context = context;
  }

  async unary(handler: AnyHandler): Promise<unknown> {
    await this.#applyFaults("before");
    let failure: unknown;
    try {
      this.#response = await handler(this.#request, this.#context);
      this.#upstream = "ok";
    } catch (error) {
      failure = error;
      this.#upstream = isCriError(error) ? error.code : "unknown";
    }
    await this.#applyFaults("after");
    if (failure !== undefined) throw failure;
    return this.#corrupted(await this.#relayed(this.#response));
  }

  async *stream(handler: AnyHandler): AsyncGenerator<unknown> {
    await this.#applyFaults("before");
    const { signal } = this.#context;
    // The upstream's stream ends with this one, also when a fault ends it.
    const controller = linkedController(signal);
    try {
      const source = handler(this.#request, withSignal(this.#context, controller.signal));
      const parts = {
        ...this.#parts,
        signal,
        cutConnection: () => this.#context.cutConnection(),
        report: (hit: Hit, details: Partial<ChaosRecord>, message?: unknown) =>
          this.#report(hit, { ...objectsOf(message), ...details }),
      };
      const stream = new FaultyStream(parts, this.#decision);
      for await (const message of stream.messages(source as AsyncIterable<unknown>))
        yield this.#corrupted(message);
    } finally {
      controller.unlink();
      controller.abort();
    }
    await this.#applyFaults("after");
  }

  /** Applies the delays of this moment, then the fault, which may throw. */
  async #applyFaults(when: "before" | "after"): Promise<void> {
    const { delays, fault } = this.#decision;
    for (const hit of delays) if ((hit.rule.when ?? "before") === when) await this.#apply(hit, when);
    if (fault && isTimed(fault) && (fault.rule.when ?? "before") === when) await this.#apply(fault, when);
  }

  async #apply(hit: Hit<TimedRule>, when: "before" | "after"): Promise<void> {
    const { waits, restart, isPaused } = this.#parts;
    const { signal } = this.#context;
    const { rule, draws } = hit;
    // The client has its result already, or the faults were paused during a delay.
    if (signal.aborted || isPaused()) return;
    const upstream = when === "after" && this.#upstream ? { upstream: this.#upstream } : {};
    switch (rule.fault) {
      case "delay": {
        const ms = drawMs(rule.ms, draws);
        this.#report(hit, { when, ms: rounded(ms), ...upstream });
        return waits.wait(ms, signal);
      }
      case "hang":
        this.#report(hit, { when, ...upstream });
        return waits.wait(undefined, signal);
      case "fail": {
        const { code, message = "a fault of the test" } = rule;
        this.#report(hit, { when, code, ...upstream });
        throw criError("runtime_error", message, { code });
      }
      case "cutConnection":
        this.#report(hit, { when, code: "unavailable", ...upstream });
        this.#context.cutConnection();
        throw criError("connection_lost", "connection lost: cut by the chaos proxy");
      case "restart": {
        const ms = drawMs(rule.downMs ?? 1_000, draws);
        if (!restart(ms)) return;
        this.#report(hit, { when, ms: rounded(ms), code: "unavailable", ...upstream });
        throw criError("connection_lost", "connection lost: the chaos proxy restarts");
      }
    }
  }

  #corrupted(message: unknown): unknown {
    const { fault } = this.#decision;
    if (fault?.rule.fault !== "corrupt" || this.#parts.isPaused()) return message;
    this.#report(fault, { upstream: "ok" });
    return invalidMessage;
  }

  /** Leads the URL of a session through a relay. */
  async #relayed(response: unknown): Promise<unknown> {
    const { relays } = this.#parts;
    if (!relays || !(sessionMethods as readonly string[]).includes(this.#method)) return response;
    if (!isRecord(response) || typeof response.url !== "string") return response;
    const { fault } = this.#decision;
    const cut = fault && isCutSession(fault) ? this.#cut(fault) : undefined;
    return { ...response, url: await relays.through(response.url, cut) };
  }

  #cut(hit: Hit<RuleOf<"cutSession">>) {
    const { afterMs, afterBytes = afterMs === undefined ? 0 : undefined } = hit.rule;
    const ms = afterMs === undefined ? undefined : drawMs(afterMs, hit.draws);
    return {
      afterBytes,
      afterMs: ms,
      isPaused: this.#parts.isPaused,
      onCut: () => this.#report(hit, ms === undefined ? {} : { ms: rounded(ms) }),
    };
  }

  #report({ rule, name }: Hit, details: Partial<ChaosRecord>): void {
    this.#parts.report({
      fault: rule.fault,
      rule: name,
      method: this.#method,
      call: this.#decision.call,
      ...objectsOf(this.#request, this.#response),
      ...details,
    });
  }
}

function isTimed(hit: Hit): hit is Hit<TimedRule> {
  return ["fail", "cutConnection", "hang", "restart"].includes(hit.rule.fault);
}

function isCutSession(hit: Hit): hit is Hit<RuleOf<"cutSession">> {
  return hit.rule.fault === "cutSession";
}

/** Returns a context whose signal is another one. */
function withSignal(context: CallContext, signal: AbortSignal): CallContext {
  return {
    method: context.method,
    signal,
    deadline: context.deadline,
    headers: context.headers,
    peer: context.peer,
    cutConnection: () => context.cutConnection(),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
