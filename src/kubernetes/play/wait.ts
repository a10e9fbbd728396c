import { criError, OptionTable, option, raceAbort, withDeadline } from "../../core/index.js";
import type { PodStatus } from "../api/index.js";
import type { PlayStream } from "./history.js";

/** A state to wait for. `running`: the phase is Running. `ready`: the condition Ready is True. `ended`: the phase is Succeeded or Failed. */
export type PlayCondition = "running" | "ready" | "ended";

/** Options of {@link PlayedPod.wait}. */
export interface PlayWaitOptions {
  /** A condition, or a function that returns whether a status is the one to wait for. */
  readonly until: PlayCondition | ((status: PodStatus<Date>) => boolean);
  /** Cancels the wait: reason `aborted_by_caller`. @default none */
  readonly signal?: AbortSignal | undefined;
  /** Then the wait rejects with `deadline`, in milliseconds. 0 and Infinity mean no deadline. @default none */
  readonly timeoutMs?: number | undefined;
}

const waitTable = new OptionTable<PlayWaitOptions>({
  until: option.required(
    option.either(option.callback, option.oneOf("running", "ready", "ended")) as (
      value: PlayWaitOptions["until"],
    ) => ReturnType<typeof option.any>,
  ),
  signal: option.signal,
  timeoutMs: option.timeoutMs,
});

const conditions: Readonly<Record<PlayCondition, (status: PodStatus<Date>) => boolean>> = {
  running: ({ phase }) => phase === "Running",
  ready: ({ conditions = [] }) =>
    conditions.some(({ type, status }) => type === "Ready" && status === "True"),
  ended: ({ phase }) => phase === "Succeeded" || phase === "Failed",
};

/** Waits for a status. Rejects with `wrong_state` when the statuses end before. */
export async function waitForStatus(
  name: string,
  statuses: () => PlayStream<PodStatus<Date>>,
  options: PlayWaitOptions,
): Promise<PodStatus<Date>> {
  waitTable.check("playedPod.wait", options);
  const { until, ...bounds } = options;
  const holds = typeof until === "function" ? until : conditions[until];
  return withDeadline(bounds, async (signal) => {
    const stream = statuses();
    const find = async () => {
      let last: PodStatus<Date> | undefined;
      for await (const status of stream) {
        if (holds(status)) return status;
        last = status;
      }
      const what = typeof until === "function" ? "the condition holds" : `it is ${until}`;
      const phase = last?.phase ?? "Unknown";
      const why = last?.reason === undefined ? "" : ` (${last.reason})`;
      // The statuses of a pod that may still run end when it is detached.
      const hasEnded = phase === "Succeeded" || phase === "Failed";
      const event = hasEnded ? `ended with the phase ${phase}${why}` : `was detached in the phase ${phase}`;
      throw criError("wrong_state", `pod ${name} ${event} before ${what}`);
    };
    try {
      return await raceAbort(find(), signal);
    } finally {
      void stream.return?.();
    }
  });
}
