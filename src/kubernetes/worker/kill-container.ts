import { isCriError, raceAbort } from "../../core/index.js";
import type { Container, Pod } from "../api/index.js";
import type { Clock } from "./clock.js";
import type { EventRecorder, Hooks, PodRuntime } from "./ports.js";

/** The shortest grace period that a container gets after its preStop hook, in seconds. */
const minStopSeconds = 2;

/** What stopping a container needs. */
export interface KillParts {
  readonly runtime: Pick<PodRuntime, "stopContainer">;
  readonly hooks: Hooks;
  readonly clock: Clock;
  readonly record: EventRecorder;
  /** The containers whose preStop hook was started: it runs once, also if the grace period is shortened meanwhile. */
  readonly preStopStarted: Set<string>;
}

/** A container to stop. */
export interface ContainerToKill {
  readonly pod: Pod;
  /** The container of the Pod; undefined for one that the Pod does not have any more. */
  readonly container: Container | undefined;
  readonly name: string;
  readonly id: string;
  readonly podIPs: readonly string[];
  /** The message of the event `Killing`. @default "Stopping container NAME" */
  readonly message?: string | undefined;
  /** The seconds until SIGKILL, those of the preStop hook included. 0 skips the hook. */
  readonly graceSeconds: number;
  /** Waits for containers that have to stop before; ends with its signal at the latest. */
  readonly turn?: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/**
 * Stops a container as the kubelet does: the preStop hook first, then the wait for its turn, both within the grace period, then
 * StopContainer with the rest, but at least two seconds. A container that does not exist any more counts as stopped. Rejects when
 * StopContainer fails, and with the signal's reason.
 */
export async function killContainer(
  target: ContainerToKill,
  parts: KillParts,
  signal?: AbortSignal,
): Promise<void> {
  const { pod, container, name, id, podIPs, message = `Stopping container ${name}` } = target;
  const { clock, hooks, record, runtime } = parts;
  record({ type: "Normal", reason: "Killing", message, container: name });
  const preStop = container?.lifecycle?.preStop;
  let graceSeconds = target.graceSeconds;
  if (preStop && container && graceSeconds > 0 && !parts.preStopStarted.has(id)) {
    parts.preStopStarted.add(id);
    graceSeconds -= await wholeSeconds(clock, async () => {
      const hook = (limit: AbortSignal) =>
        hooks.run(preStop, { pod, container, containerId: id, podIPs }, { signal: limit });
      const failure = await withinGrace(clock, graceSeconds, hook, signal);
      if (failure !== undefined)
        record({
          type: "Warning",
          reason: "FailedPreStopHook",
          message: failure instanceof Error ? failure.message : String(failure),
          container: name,
        });
    });
  }
  const { turn } = target;
  if (turn) graceSeconds -= await wholeSeconds(clock, () => withinGrace(clock, graceSeconds, turn, signal));
  const timeout = BigInt(Math.max(minStopSeconds, Math.ceil(graceSeconds)));
  try {
    await runtime.stopContainer({ containerId: id, timeout }, signal ? { signal } : {});
  } catch (error) {
    if (!(isCriError(error) && error.reason === "object_missing")) throw error;
  }
}

/** Runs work until the grace period is over. Returns its error, if any; rejects only with the reason of the outer signal. */
async function withinGrace(
  clock: Clock,
  seconds: number,
  work: (signal: AbortSignal) => Promise<void>,
  outer: AbortSignal | undefined,
): Promise<unknown> {
  outer?.throwIfAborted();
  const limit = new AbortController();
  const cancel = () => limit.abort(outer?.reason);
  outer?.addEventListener("abort", cancel, { once: true });
  const isOver = new Error(`did not end within the grace period of ${seconds} s`);
  const timer = new AbortController();
  void clock.sleep(Math.max(0, seconds) * 1_000, timer.signal).then(
    () => limit.abort(isOver),
    () => undefined,
  );
  try {
    await raceAbort(work(limit.signal), limit.signal);
    return undefined;
  } catch (error) {
    outer?.throwIfAborted();
    return error ?? new Error("failed");
  } finally {
    timer.abort();
    outer?.removeEventListener("abort", cancel);
  }
}

/** Returns the whole seconds that work took. */
async function wholeSeconds(clock: Clock, work: () => Promise<unknown>): Promise<number> {
  const startMs = clock.now();
  await work();
  return Math.floor((clock.now() - startMs) / 1_000);
}
