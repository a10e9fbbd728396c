import { checkArgument, invalidOption, OptionTable, option } from "../../core/index.js";
import { type Clock, clockCheck, systemClock } from "../embedded/clock.js";
import { Masking } from "./masking.js";
import { readRecording } from "./read-recording.js";
import { CallComparison, LooseCalls, StrictCalls } from "./replay-calls.js";
import { type Replay, Replayer } from "./replayer.js";
import { RecordedOrder, RecordedTimes } from "./stream-order.js";
import { VaryingFields, varyingField } from "./varying.js";

/** Options of {@link replaying}. */
export interface ReplayOptions {
  /**
   * `strict`: the calls must be those of the recording, in its order. Messages of streams come when the calls that the recording has
   * before them have been made. `loose`: each call gets the response to a recorded call of the same RPC with the same request, in any
   * order; the last one serves again when there are no more. Messages of streams come after their recorded times, by the clock.
   * @default "strict"
   */
  readonly mode?: "strict" | "loose" | undefined;
  /**
   * The clock of a loose replay: with a `VirtualClock`, messages of streams come when the test advances it.
   * @default the clock of this machine
   */
  readonly clock?: Clock | undefined;
  /**
   * String fields of requests that differ from run to run, by their full names: `runtime.v1.PodSandboxMetadata.name`, or
   * `runtime.v1.PodSandboxConfig.labels["run"]` for one key of a map. In responses, the recorded values are replaced by those of the
   * calls. This always applies to the uid, the log directory and the cgroup parent of a pod, and to the annotation with which this
   * package marks its own process.
   * @default no others
   */
  readonly varying?: readonly string[] | undefined;
}

/** The options of {@link ReplayOptions}. */
const replayTable = new OptionTable<ReplayOptions>({
  mode: option.oneOf("strict", "loose"),
  clock: clockCheck,
  varying: option.listOf(varyingField),
});

/**
 * Creates a transport that serves a recording of {@link recording}, without a runtime: `connect.through(replaying("session.jsonl"))`.
 * A call that the recording does not contain, or not at this point, fails with `not_recorded` and shows the difference.
 *
 * Exec, attach and port-forward are served on 127.0.0.1 if the recording has their sessions. Recorded logs are written where a runtime
 * would write them, and removed by `close()`.
 *
 * Throws `invalid_option`, `recording_failed` if the file cannot be read, and `invalid_file` if it is not a recording.
 */
export function replaying(file: string, options: ReplayOptions = {}): Replay {
  checkArgument("replaying", "file", file, option.nonEmptyString);
  replayTable.check("replaying", options);
  const { mode = "strict", clock, varying = [] } = options;
  if (clock && mode === "strict") throw invalidOption("clock", clock, 'requires mode: "loose"');
  const content = readRecording(file);
  const comparison = new CallComparison(new Masking(content.maskFields), new VaryingFields(varying));
  const isStrict = mode === "strict";
  const matcher = isStrict ? new StrictCalls(content, comparison) : new LooseCalls(content, comparison);
  const order = isStrict ? new RecordedOrder(content) : new RecordedTimes(clock ?? systemClock());
  return new Replayer(content, comparison, matcher, order);
}
