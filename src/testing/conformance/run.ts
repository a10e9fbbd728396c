import { invalidOption } from "../../core/index.js";
import { type ConformanceCase, type ConformanceGroup, conformanceGroups } from "./case.js";
import { conformanceCases } from "./cases/index.js";
import { type Deviations, deviationsFor } from "./deviations/index.js";
import { type ConformanceReport, type ConformanceResult, countOutcomes } from "./report.js";
import { runCase } from "./run-case.js";
import { Site } from "./site.js";
import type { ConformanceTarget } from "./target.js";

/** Which cases are run, and how. */
export interface ConformanceOptions {
  /**
   * The cases to choose from.
   * @default all of the suite
   */
  readonly cases?: readonly ConformanceCase[] | undefined;
  /**
   * Only cases of these groups.
   * @default all groups
   */
  readonly groups?: readonly ConformanceGroup[] | undefined;
  /**
   * Only cases with these ids.
   * @default all cases
   */
  readonly only?: readonly string[] | undefined;
  /**
   * The rules that this runtime is known not to keep, by case id, and why.
   * @default those known of this name and version; none for cases of your own
   */
  readonly deviations?: Deviations | undefined;
  /** Ends the run. What was made is still removed, then `runConformance` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long one case may take, in milliseconds. Its clean-up comes on top.
   * @default 60_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How many cases are run at a time, where they do not get into each other's way.
   * @default 4
   */
  readonly concurrency?: number | undefined;
  /** Hears of each result as it comes. */
  readonly onResult?: ((result: ConformanceResult) => void) | undefined;
}

/** Where others that come and go on the same runtime would be seen, or would slow down what is measured. */
const oneAtATime: ReadonlySet<ConformanceGroup> = new Set<ConformanceGroup>(["stats", "events", "limits"]);

/**
 * Checks a runtime: runs the cases on it, and compares with what is known of it. Everything that a case makes is
 * removed after it; the images of the target stay.
 *
 * Rejects with {@link CriError} `invalid_option` for ids that no case has, with the signal's reason, and where the
 * runtime does not answer Version.
 */
export async function runConformance(
  target: ConformanceTarget,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  const { cases = conformanceCases, timeoutMs = 60_000, concurrency = 4, onResult } = options;
  const signal = options.signal ?? new AbortController().signal;
  const startedAt = new Date();
  const began = performance.now();
  const { runtimeName: name, runtimeVersion: version } = await target.cri.runtime.version({}, { signal });
  const deviations = options.deviations ?? (options.cases ? {} : deviationsFor(name, version));
  known(cases, "deviations", Object.keys(deviations));
  known(cases, "only", options.only ?? []);
  const chosen = cases.filter(
    ({ id, group }) =>
      (options.groups?.includes(group) ?? true) && (options.only ? options.only.includes(id) : true),
  );

  const site = new Site(target, signal);
  const results = new Map<string, ConformanceResult>();
  const runOne = async (one: ConformanceCase) => {
    if (signal.aborted) return;
    const result = await runCase(one, site, { timeoutMs, signal, deviation: deviations[one.id] });
    results.set(one.id, result);
    onResult?.(result);
  };
  try {
    for (const group of conformanceGroups) {
      const atATime = oneAtATime.has(group) ? 1 : concurrency;
      await inParallel(
        chosen.filter((one) => one.group === group),
        atATime,
        runOne,
      );
    }
  } finally {
    await site.close();
  }
  signal.throwIfAborted();
  const inOrder = chosen.flatMap(({ id }) => results.get(id) ?? []);
  const counts = countOutcomes(inOrder);
  return Object.freeze({
    ok: counts.failed === 0 && counts["unexpected-pass"] === 0,
    runtime: { name, version },
    startedAt,
    durationMs: Math.round(performance.now() - began),
    counts,
    results: inOrder,
  });
}

function known(cases: readonly ConformanceCase[], option: string, ids: readonly string[]): void {
  const unknown = ids.filter((id) => !cases.some((one) => one.id === id));
  if (unknown.length > 0)
    throw invalidOption(option, unknown.join(", "), "must name cases by ids that there are");
}

/** Does the work on each item, on so many at a time. */
async function inParallel<T>(
  items: readonly T[],
  atATime: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}
