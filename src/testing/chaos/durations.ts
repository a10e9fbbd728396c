import { maxTimerMs, type OptionCheck, OptionTable, option } from "../../core/index.js";
import type { Draws } from "./draws.js";

/**
 * How long a fault takes: a number of milliseconds, or a distribution from which each fault draws one. The longest duration of every
 * distribution is `maxMs`.
 */
export type ChaosDuration =
  | number
  | {
      /** Each duration between the two is equally likely. */
      readonly distribution: "uniform";
      /** The shortest duration, in milliseconds. */
      readonly minMs: number;
      /** The longest duration, in milliseconds. */
      readonly maxMs: number;
    }
  | {
      /** As between independent events, such as the life of a connection. */
      readonly distribution: "exponential";
      /** The mean, in milliseconds. */
      readonly meanMs: number;
      /** The longest duration, in milliseconds. @default 20 times `meanMs` */
      readonly maxMs?: number | undefined;
    }
  | {
      /** Most calls are fast and a few are very slow, as with a busy runtime. */
      readonly distribution: "lognormal";
      /** The median, in milliseconds. */
      readonly p50Ms: number;
      /** 99 of 100 durations are shorter than this, in milliseconds. */
      readonly p99Ms: number;
      /** The longest duration, in milliseconds. @default 10 times `p99Ms` */
      readonly maxMs?: number | undefined;
    };

type Distribution = Exclude<ChaosDuration, number>;
type Of<D extends Distribution["distribution"]> = Extract<Distribution, { readonly distribution: D }>;

const ms = option.number(0, maxTimerMs);
const tables: { readonly [D in Distribution["distribution"]]: OptionTable<Of<D>> } = {
  uniform: new OptionTable<Of<"uniform">>({
    distribution: option.required(option.oneOf("uniform")),
    minMs: option.required(ms),
    maxMs: option.required(ms),
  }),
  exponential: new OptionTable<Of<"exponential">>({
    distribution: option.required(option.oneOf("exponential")),
    meanMs: option.required(ms),
    maxMs: ms,
  }),
  lognormal: new OptionTable<Of<"lognormal">>({
    distribution: option.required(option.oneOf("lognormal")),
    p50Ms: option.required(option.number(0.001, maxTimerMs)),
    p99Ms: option.required(ms),
    maxMs: ms,
  }),
};
const nameCheck = option.oneOf(...(Object.keys(tables) as Distribution["distribution"][]));

/** The check of a {@link ChaosDuration}. */
export const durationCheck: OptionCheck<ChaosDuration> = (value) => {
  if (typeof value === "number") return ms(value);
  const name = (value as Partial<Distribution> | null)?.distribution;
  if (typeof value !== "object" || name === undefined)
    return "must be a number of milliseconds, or an object with a `distribution`: uniform, exponential or lognormal";
  const problem = nameCheck(name);
  if (problem !== undefined) return { path: ".distribution", message: String(problem), shown: [name] };
  const found = tables[name].find(value);
  if (found !== undefined) return found;
  if (value.distribution === "uniform" && value.maxMs < value.minMs)
    return { path: ".maxMs", message: `must be at least minMs, ${value.minMs}`, shown: [value.maxMs] };
  if (value.distribution === "lognormal" && value.p99Ms < value.p50Ms)
    return { path: ".p99Ms", message: `must be at least p50Ms, ${value.p50Ms}`, shown: [value.p99Ms] };
  return undefined;
};

/** The 99th percentile of the standard normal distribution. */
const z99 = 2.326_347_874;

/** Draws a duration in milliseconds. */
export function drawMs(duration: ChaosDuration, draws: Draws): number {
  if (typeof duration === "number") return duration;
  switch (duration.distribution) {
    case "uniform":
      return duration.minMs + draws.next() * (duration.maxMs - duration.minMs);
    case "exponential": {
      const { meanMs, maxMs = Math.min(20 * meanMs, maxTimerMs) } = duration;
      return Math.min(maxMs, -Math.log(1 - draws.next()) * meanMs);
    }
    case "lognormal": {
      const { p50Ms, p99Ms, maxMs = Math.min(10 * p99Ms, maxTimerMs) } = duration;
      const sigma = Math.log(p99Ms / p50Ms) / z99;
      const normal = Math.sqrt(-2 * Math.log(1 - draws.next())) * Math.cos(2 * Math.PI * draws.next());
      return Math.min(maxMs, p50Ms * Math.exp(sigma * normal));
    }
  }
}
