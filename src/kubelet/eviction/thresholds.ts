import { type OptionCheck, within } from "../../core/index.js";
import { parseQuantity } from "../../pods/index.js";
import type { MetThreshold } from "./policy.js";
import { type EvictionSignal, type Observation, type Observations, signalRules } from "./signals.js";

/** Quantities by signal: an amount such as "100Mi", or a share of the capacity such as "10%". */
export type Thresholds = Readonly<Partial<Record<EvictionSignal, string>>>;

/** A quantity of a signal: absolute, or a share of its capacity. */
type Quantity = { readonly amount: bigint } | { readonly share: number };

/** A threshold of one signal. */
export interface Threshold {
  readonly signal: EvictionSignal;
  readonly kind: "hard" | "soft";
  readonly quantity: Quantity;
  /** How much more than the quantity is reclaimed. */
  readonly minReclaim: Quantity | undefined;
  /** How long the threshold must be met before pods are evicted, in milliseconds: 0 for hard ones. */
  readonly graceMs: number;
}

/** The thresholds of the kubelet's defaults on Linux. */
export const defaultHardThresholds: Thresholds = {
  "memory.available": "100Mi",
  "nodefs.available": "10%",
  "nodefs.inodesFree": "5%",
  "imagefs.available": "15%",
  "imagefs.inodesFree": "5%",
};

/** Checks quantities by signal. */
export const thresholdsCheck: OptionCheck<Thresholds> = (value) =>
  checkBySignal(value, (text) =>
    typeof text === "string" && readQuantity(text) !== undefined
      ? undefined
      : 'must be an amount such as "100Mi", or a share such as "10%"',
  );

/** Checks durations by signal. */
export const graceCheck: OptionCheck<Readonly<Partial<Record<EvictionSignal, number>>>> = (value) =>
  checkBySignal(value, (ms) =>
    typeof ms === "number" && ms >= 0 ? undefined : "must be 0 or more milliseconds",
  );

function checkBySignal(
  value: unknown,
  check: (value: unknown) => string | undefined,
): ReturnType<OptionCheck<unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object";
  for (const [signal, member] of Object.entries(value)) {
    const path = `[${JSON.stringify(signal)}]`;
    if (!isSignal(signal))
      return within(path, `is not a signal; the signals are ${Object.keys(signalRules).join(", ")}`, member);
    const found = member === undefined ? undefined : check(member);
    if (found !== undefined) return within(path, found, member);
  }
  return undefined;
}

function isSignal(name: string): name is EvictionSignal {
  return Object.hasOwn(signalRules, name);
}

/** Parses a quantity. Returns undefined for other texts, and for amounts below 0. */
function readQuantity(text: string): Quantity | undefined {
  if (text.endsWith("%")) {
    const percent = Number(text.slice(0, -1));
    return /^\d+(\.\d*)?%$/.test(text) && percent <= 100 ? { share: percent / 100 } : undefined;
  }
  try {
    const amount = parseQuantity(text).value();
    return amount >= 0n ? { amount } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns the thresholds that options describe, which were checked. As in the kubelet, a share of 0 or 100 percent switches one off.
 */
export function thresholdsOf(options: {
  readonly hard: Thresholds;
  readonly soft: Thresholds;
  readonly softGracePeriodMs: Readonly<Partial<Record<EvictionSignal, number>>>;
  readonly minReclaim: Thresholds;
}): readonly Threshold[] {
  const { softGracePeriodMs } = options;
  return (["hard", "soft"] as const).flatMap((kind) =>
    entriesOf(options[kind]).flatMap(([signal, text]): Threshold[] => {
      const quantity = readQuantity(text);
      if (!quantity || ("share" in quantity && (quantity.share === 0 || quantity.share === 1))) return [];
      const minReclaim = options.minReclaim[signal];
      return [
        {
          ...{ signal, kind, quantity },
          minReclaim: minReclaim === undefined ? undefined : readQuantity(minReclaim),
          graceMs: kind === "hard" ? 0 : (softGracePeriodMs[signal] ?? 0),
        },
      ];
    }),
  );
}

function entriesOf(thresholds: Thresholds): [EvictionSignal, string][] {
  return Object.entries(thresholds).flatMap(([signal, text]): [EvictionSignal, string][] =>
    isSignal(signal) && text !== undefined ? [[signal, text]] : [],
  );
}

/**
 * Returns the threshold as met, or undefined: when it is not, or when its signal was not measured.
 *
 * @param withReclaim whether to add the minimum to reclaim: for a threshold that was met before
 */
export function metThreshold(
  threshold: Threshold,
  { signals }: Observations,
  withReclaim: boolean,
): MetThreshold | undefined {
  const { signal, kind, quantity, minReclaim } = threshold;
  const observed = signals[signal];
  if (!observed) return undefined;
  const amount = amountOf(quantity, observed);
  const wanted = withReclaim && minReclaim ? amount + amountOf(minReclaim, observed) : amount;
  return observed.available < wanted ? { signal, kind, quantity: amount, observed } : undefined;
}

function amountOf(quantity: Quantity, { capacity }: Observation): bigint {
  return "amount" in quantity ? quantity.amount : BigInt(Math.trunc(Number(capacity) * quantity.share));
}
