import { checkArgument, invalidOption, OptionTable, option } from "../../core/index.js";
import { type ConformanceCase, type ConformanceGroup, conformanceGroups, type Deviations } from "./case.js";
import { conformanceCases } from "./cases/index.js";
import { deviationsFor } from "./deviations/index.js";
import { type ConformanceReport, type ConformanceResult, conformanceReport } from "./report.js";
import { describeFailure, notRun, runCase, withinCleanupLimit } from "./run-case.js";
import { RunContext } from "./run-context.js";
import { type ConformanceTarget, targetTable } from "./target.js";

/** Options of {@link runConformance}. */
export interface ConformanceOptions {
  /**
   * The cases to select from.
   * @default the whole suite
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
   * The rules that this runtime is known to break, by case id, with reasons.
   * @default the known ones of this runtime name and version; none for your own cases
   */
  readonly deviations?: Deviations | undefined;
  /** Aborts the run. Everything is still removed, then `runConformance` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The time limit of one case in milliseconds, without its clean-up.
   * @default 60_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * The number of cases that run concurrently, where they do not affect each other.
   * @default 4
   */
  readonly concurrency?: number | undefined;
  /** Callback for each result. */
  readonly onResult?: ((result: ConformanceResult) => void) | undefined;
}

const conformanceTable = new OptionTable<ConformanceOptions>({
  cases: option.listOf(option.object),
  groups: option.listOf(option.oneOf(...conformanceGroups)),
  only: option.listOf(option.string),
  deviations: option.recordOf(option.string),
  signal: option.signal,
  timeoutMs: (value) =>
    typeof value === "number" && value > 0 ? undefined : "must be more than 0 milliseconds",
  concurrency: option.wholeNumber(1),
  onResult: option.callback,
});

/** Groups whose cases would observe or slow down concurrent ones. */
const oneAtATime: ReadonlySet<ConformanceGroup> = new Set<ConformanceGroup>(["stats", "events", "limits"]);

/**
 * Runs the conformance cases on a runtime and compares the results with its known deviations. Everything that a case creates is
 * removed; the target's images stay. Once the runtime stops responding, the remaining cases fail without being run.
 *
 * Rejects with {@link CriError} `invalid_option` for unknown case ids, with the signal's reason, and when Version fails.
 */
export async function runConformance(
  target: ConformanceTarget,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  checkArgument("runConformance", "target", target, option.nested(targetTable));
  conformanceTable.check("runConformance", options);
  const { cases = conformanceCases, timeoutMs = 60_000, concurrency = 4, onResult } = options;
  const signal = options.signal ?? new AbortController().signal;
  const startedAt = new Date();
  const { runtimeName: name, runtimeVersion: version } = await target.cri.runtime.version({}, { signal });
  const deviations = options.deviations ?? (options.cases ? {} : deviationsFor(name, version));
  checkIds(cases, "deviations", Object.keys(deviations));
  checkIds(cases, "only", options.only ?? []);
  const selected = cases.filter(
    ({ id, group }) =>
      (options.groups?.includes(group) ?? true) && (options.only ? options.only.includes(id) : true),
  );

  const context = new RunContext(target, signal);
  const results = new Map<string, ConformanceResult>();
  const problems: string[] = [];
  let unresponsive: string | undefined;
  const runOne = async (one: ConformanceCase) => {
    if (signal.aborted) return;
    const deviation = deviations[one.id];
    const result =
      unresponsive === undefined
        ? await runCase(one, context, { timeoutMs, signal, deviation })
        : notRun(one, unresponsive, deviation);
    // Otherwise each of hundreds of cases would last until its deadline.
    if (result.durationMs >= timeoutMs) unresponsive ??= await whyUnresponsive(target);
    results.set(one.id, result);
    onResult?.(result);
  };
  try {
    for (const group of conformanceGroups) {
      const maxConcurrency = oneAtATime.has(group) ? 1 : concurrency;
      await inParallel(
        selected.filter((one) => one.group === group),
        maxConcurrency,
        runOne,
      );
    }
  } finally {
    await withinCleanupLimit(context.close()).catch((error: unknown) =>
      problems.push(`clean-up of the run: ${describeFailure(error)}`),
    );
  }
  signal.throwIfAborted();
  return conformanceReport({
    runtime: { name, version },
    startedAt,
    results: selected.flatMap(({ id }) => results.get(id) ?? []),
    problems,
  });
}

/** Returns why a runtime does not respond any more; undefined if it responds. */
async function whyUnresponsive({ cri }: ConformanceTarget): Promise<string | undefined> {
  try {
    await cri.runtime.version({}, { timeoutMs: 10_000 });
    return undefined;
  } catch (error) {
    return `the runtime stopped responding: ${describeFailure(error)}`;
  }
}

function checkIds(cases: readonly ConformanceCase[], option: string, ids: readonly string[]): void {
  const unknown = ids.filter((id) => !cases.some((one) => one.id === id));
  if (unknown.length > 0)
    throw invalidOption(option, unknown.join(", "), "must contain only ids of existing cases");
}

/** Runs the work for each item, with limited concurrency. */
async function inParallel<T>(
  items: readonly T[],
  maxConcurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: maxConcurrency }, worker));
}
