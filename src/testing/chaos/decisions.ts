import type { RpcName } from "../../transport/index.js";
import { sessionMethods, streamMethods } from "./check-plan.js";
import { Draws } from "./draws.js";
import type { ChaosFault, ChaosPlan, ChaosRule, RuleOf } from "./rules.js";

/** A fault that happens to a call. */
export interface Hit<R extends ChaosRule = ChaosRule> {
  readonly rule: R;
  /** The rule's name. */
  readonly name: string;
  /** The numbers from which the fault draws its durations. */
  readonly draws: Draws;
}

/** What happens to one call. */
export interface Decision {
  /** The call's number among those of its RPC, from 1. */
  readonly call: number;
  readonly delays: readonly Hit<RuleOf<"delay">>[];
  readonly fault: Hit<Exclude<ChaosRule, EventRule | RuleOf<"delay">>> | undefined;
  /** The rules for the events of a stream of events. */
  readonly events: readonly NamedRule<EventRule>[];
}

/** A rule for single events. */
export type EventRule = RuleOf<"dropEvents" | "delayEvents">;

/** A rule with its name, and the faults that it caused so far. */
export interface NamedRule<R extends ChaosRule = ChaosRule> {
  readonly rule: R;
  readonly name: string;
  readonly counts: Map<RpcName, number>;
}

/**
 * Decides what happens to each call by the plan and the seed. A decision depends on the seed, the rule, the RPC and the number of the call
 * among those of its RPC; not on times, nor on calls of other RPCs.
 */
export class Decisions {
  readonly seed: string;
  readonly #rules: readonly NamedRule[];
  readonly #calls = new Map<RpcName, number>();

  constructor({ rules }: ChaosPlan, seed: string) {
    this.seed = seed;
    this.#rules = rules.map((rule, index) => ({
      rule,
      name: rule.name ?? `rules[${index}]`,
      counts: new Map(),
    }));
  }

  /** Reports whether a rule can cause one of these faults. */
  includes(...faults: readonly ChaosFault[]): boolean {
    return this.#rules.some(({ rule }) => faults.includes(rule.fault));
  }

  /** Counts a call, and returns what happens to it; nothing while the faults are paused. */
  next(method: RpcName, isPaused: boolean): Decision {
    const call = (this.#calls.get(method) ?? 0) + 1;
    this.#calls.set(method, call);
    const delays: Hit<RuleOf<"delay">>[] = [];
    const events: NamedRule<EventRule>[] = [];
    let fault: Decision["fault"];
    for (const named of isPaused ? [] : this.#rules) {
      const { rule, name } = named;
      if (!isOfCall(rule, method, call)) continue;
      if (isEventRule(rule)) {
        events.push(named as NamedRule<EventRule>);
        continue;
      }
      if (rule.fault !== "delay" && fault) continue;
      const draws = this.#draw(named, method, call);
      if (!draws) continue;
      if (rule.fault === "delay") delays.push({ rule, name, draws });
      else fault = { rule, name, draws };
    }
    return { call, delays, fault, events };
  }

  /** Returns the hit of a rule on an event, by the number of its stream and its number in the stream. */
  hitOfEvent<R extends EventRule>(named: NamedRule<R>, stream: number, event: number): Hit<R> | undefined {
    const draws = this.#draw(named, "getContainerEvents", stream, event);
    return draws && { rule: named.rule, name: named.name, draws };
  }

  /** Returns the numbers of a fault that happens, and counts it; undefined if it does not happen. */
  #draw(
    { rule, name, counts }: NamedRule,
    method: RpcName,
    ...numbers: readonly number[]
  ): Draws | undefined {
    const count = counts.get(method) ?? 0;
    if (count >= (rule.times ?? Number.POSITIVE_INFINITY)) return undefined;
    const draws = new Draws(this.seed, name, method, ...numbers);
    if (draws.next() >= (rule.probability ?? 1)) return undefined;
    counts.set(method, count + 1);
    return draws;
  }
}

function isEventRule(rule: ChaosRule): rule is EventRule {
  return rule.fault === "dropEvents" || rule.fault === "delayEvents";
}

function isOfCall(rule: ChaosRule, method: RpcName, call: number): boolean {
  const { skip = 0, calls } = rule;
  return call > skip && (calls === undefined || calls.includes(call)) && methodsOf(rule).includes(method);
}

const everyMethod = { includes: () => true };

/** Returns the RPCs of a rule. */
function methodsOf(rule: ChaosRule): { includes(method: RpcName): boolean } {
  if (isEventRule(rule)) return { includes: (method) => method === "getContainerEvents" };
  const { methods = "all" } = rule;
  if (methods !== "all") return methods as readonly RpcName[];
  switch (rule.fault) {
    case "cutStream":
    case "stallStream":
      return streamMethods as readonly RpcName[];
    case "cutSession":
      return sessionMethods as readonly RpcName[];
    default:
      return everyMethod;
  }
}
