import { checkArgument, hasFunctions, OptionTable, option } from "../../core/index.js";
import type { Container, Pod } from "../api/index.js";
import {
  checkContainerArgument,
  checkNumberArgument,
  checkObservedArgument,
  checkPodArgument,
  checkStringArgument,
} from "../argument-checks.js";
import { durationText, podText } from "../messages.js";
import type { ObservedPod } from "./observed.js";

/** The options of {@link RestartBackOff}. */
export interface RestartBackOffOptions {
  /**
   * The first delay, in milliseconds.
   * @default 10_000
   */
  readonly firstMs?: number | undefined;
  /**
   * The longest delay, in milliseconds.
   * @default 300_000
   */
  readonly maxMs?: number | undefined;
}

/** The options of {@link RestartBackOffOptions}. */
export const restartBackOffTable = new OptionTable<RestartBackOffOptions>({
  firstMs: option.wholeNumber(1),
  maxMs: option.wholeNumber(1),
});

function checkFailure(operation: string, key: string, nowMs: number, failedAtMs: number): void {
  checkStringArgument(operation, "key", key);
  checkNumberArgument(operation, "nowMs", nowMs);
  checkNumberArgument(operation, "failedAtMs", failedAtMs);
}

interface Entry {
  readonly delayMs: number;
  readonly advancedAtMs: number;
}

/**
 * Delays that double with each failure of a key: 10, 20, 40, 80, 160 and 300 seconds. In memory only, as in the kubelet. A key that had no
 * failure for twice the longest delay starts anew. Serves CrashLoopBackOff, where a delay begins with the exit of a container, and
 * ImagePullBackOff, where it begins with the last attempt.
 */
export class RestartBackOff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #entries = new Map<string, Entry>();
  /** Failures in the future, and when they were noticed. */
  readonly #noticed = new Map<string, { readonly failedAtMs: number; readonly atMs: number }>();

  /** Throws a CriError with the reason `invalid_option` for options that are not valid. */
  constructor(options: RestartBackOffOptions = {}) {
    restartBackOffTable.check("RestartBackOff", options);
    this.#firstMs = options.firstMs ?? 10_000;
    this.#maxMs = Math.max(options.maxMs ?? 300_000, this.#firstMs);
  }

  /** Returns the current delay of a key in milliseconds; 0 before the first failure. */
  delayMs(key: string): number {
    checkStringArgument("RestartBackOff.delayMs", "key", key);
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /**
   * Returns how many milliseconds are left of the delay; 0 when the next attempt may be made.
   *
   * @param failedAtMs When the failure happened that the delay begins with, such as the exit of a container. By default, the delay
   *   begins with the last `advance()`.
   */
  remainingMs(key: string, nowMs: number, failedAtMs?: number): number {
    checkFailure("RestartBackOff.remainingMs", key, nowMs, failedAtMs ?? nowMs);
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#hasExpired(entry, failedAtMs ?? nowMs)) return 0;
    const beganMs = this.#beganMs(key, failedAtMs ?? entry.advancedAtMs, nowMs);
    return Math.max(beganMs + entry.delayMs - nowMs, 0);
  }

  /** Notes an attempt, or a failed one: the next delay is twice as long, or the first one. `failedAtMs` is as in {@link remainingMs}. */
  advance(key: string, nowMs: number, failedAtMs: number = nowMs): void {
    checkFailure("RestartBackOff.advance", key, nowMs, failedAtMs);
    const entry = this.#entries.get(key);
    const delayMs =
      entry === undefined || this.#hasExpired(entry, failedAtMs)
        ? this.#firstMs
        : Math.min(entry.delayMs * 2, this.#maxMs);
    this.#entries.set(key, { delayMs, advancedAtMs: nowMs });
  }

  /** A clock that was set back must not prolong a delay: one that began in the future begins when that is noticed. */
  #beganMs(key: string, failedAtMs: number, nowMs: number): number {
    if (failedAtMs <= nowMs) {
      this.#noticed.delete(key);
      return failedAtMs;
    }
    const noticed = this.#noticed.get(key);
    if (noticed?.failedAtMs === failedAtMs && noticed.atMs <= nowMs) return noticed.atMs;
    this.#noticed.set(key, { failedAtMs, atMs: nowMs });
    return nowMs;
  }

  /** Forgets the keys that would start anew. */
  prune(nowMs: number): void {
    checkNumberArgument("RestartBackOff.prune", "nowMs", nowMs);
    for (const [key, entry] of this.#entries)
      if (this.#hasExpired(entry, nowMs)) {
        this.#entries.delete(key);
        this.#noticed.delete(key);
      }
  }

  #hasExpired({ advancedAtMs }: Entry, failedAtMs: number): boolean {
    return failedAtMs - advancedAtMs > 2 * this.#maxMs;
  }
}

/** Whether a container may start now. */
export type RestartDecision =
  | { readonly start: true }
  | {
      readonly start: false;
      /** When it may start, in milliseconds since 1970. */
      readonly untilMs: number;
      /** `state.waiting` of the container's status, until then. */
      readonly waiting: {
        readonly reason: "CrashLoopBackOff";
        /** With the delay, the name of the container and the pod, as the kubelet words it. */
        readonly message: string;
      };
      /** The message of the event `BackOff`. */
      readonly eventMessage: string;
    };

const backOffCheck = hasFunctions<RestartBackOff>("a RestartBackOff", "delayMs", "remainingMs", "advance");

/**
 * Decides whether a container may start now, and if so, counts it as a start. To be called once for each start, right before it. The delay
 * begins when the newest instance that exited ended; a container without such an instance starts at once. A change of image or resources
 * starts anew.
 */
export function decideRestart(
  pod: Pod,
  container: Container,
  observed: ObservedPod,
  backOff: RestartBackOff,
  nowMs: number,
): RestartDecision {
  checkPodArgument("decideRestart", pod);
  checkContainerArgument("decideRestart", container);
  checkObservedArgument("decideRestart", observed);
  checkArgument("decideRestart", "backOff", backOff, backOffCheck);
  checkNumberArgument("decideRestart", "nowMs", nowMs);
  const exited = observed.containers.find(({ name, state }) => name === container.name && state === "exited");
  if (exited === undefined) return { start: true };
  const finishedAtMs = Number(exited.finishedAtNanos / 1_000_000n);
  const key = backOffKey(pod, container);
  const remainingMs = backOff.remainingMs(key, nowMs, finishedAtMs);
  if (remainingMs === 0) {
    backOff.advance(key, nowMs, finishedAtMs);
    return { start: true };
  }
  return {
    start: false,
    untilMs: nowMs + remainingMs,
    waiting: {
      reason: "CrashLoopBackOff",
      message: `back-off ${durationText(backOff.delayMs(key))} restarting failed container=${container.name} pod=${podText(pod)}`,
    },
    eventMessage: `Back-off restarting failed container ${container.name} in pod ${podText(pod)}`,
  };
}

/** Returns the key of a container's back-off. Another image or other resources give another key. */
function backOffKey(pod: Pod, container: Container): string {
  const { name, namespace, uid } = pod.metadata ?? {};
  const { limits = {}, requests = {} } = container.resources ?? {};
  const sorted = (amounts: object) =>
    Object.entries(amounts).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([
    name,
    namespace,
    uid,
    container.name,
    container.image,
    sorted(limits),
    sorted(requests),
  ]);
}
