import {
  type CriError,
  type CriErrorReason,
  criError,
  isCriError,
  type Leftover,
  sleep,
  withDeadline,
} from "../../core/index.js";
import { cleanUpMs } from "../clean-ups.js";
import type { PodContext } from "../context.js";

type UnidentifiedObject = Omit<Leftover, "error">;
type Undo = (signal: AbortSignal) => Promise<void>;

/** A call that failed, and may have created an object all the same. */
export interface FailedCall {
  readonly object: Pick<Leftover, "kind" | "name">;
  readonly error: unknown;
  /**
   * The delays before each look after the first, in milliseconds, if the response was lost: the call may still be in progress, and a
   * runtime that notices the cancellation cleans up itself.
   */
  readonly delaysMs: readonly number[];
  /** Looks for what the call created, and removes it. Returns whether it was found, which ends the looks. */
  removeFound(signal: AbortSignal): Promise<boolean>;
}

/** Steps of an operation with their rollback actions. */
export class Rollback {
  readonly #steps: { readonly object: UnidentifiedObject; readonly undo: Undo }[] = [];

  /** Adds the rollback action of a step that is complete, or whose outcome is unknown. */
  add(object: UnidentifiedObject, undo: Undo): void {
    this.#steps.push({ object, undo });
  }

  /** Adds the clean-up after a call that failed, unless it cannot have created anything. */
  addFailedCall({ object, error, delaysMs, removeFound }: FailedCall): void {
    if (!mayHaveCreated(error)) return;
    this.add({ ...object, id: undefined }, async (signal) => {
      for (const delayMs of isOutcomeUnknown(error) ? [0, ...delaysMs] : [0]) {
        await sleep(delayMs, signal);
        if (await removeFound(signal)) return;
      }
    });
  }

  /** Runs the actions, the last one first. Returns the cause, with the objects that could not be removed. */
  async run(
    context: Pick<PodContext, "cleanUps">,
    key: string,
    caller: AbortSignal,
    cause: unknown,
  ): Promise<unknown> {
    if (this.#steps.length === 0) return cause;
    let leftovers: Leftover[] = [];
    const work = async () => {
      for (let step = this.#steps.at(-1); step; step = this.#steps.at(-1)) {
        try {
          await withDeadline({ timeoutMs: cleanUpMs }, step.undo);
          // The containers of an operation that ran a pod are the pod's, and were removed with it.
          if (step.object.kind === "pod") leftovers = [];
        } catch (error) {
          leftovers.push({ ...step.object, error });
        }
        this.#steps.pop();
      }
    };
    if (await context.cleanUps.run(key, caller, work)) return withLeftovers(cause, leftovers);
    const unfinished = this.#steps.map(({ object }) => ({ ...object, error: inBackground() }));
    return withLeftovers(cause, [...leftovers, ...unfinished]);
  }
}

/**
 * Runs the steps of an operation, which add their rollback actions. When one fails, runs these actions: all of them as one clean-up,
 * so that the answer to the caller waits for it once. `key` identifies the object in {@link CleanUps}.
 */
export async function withRollback<T>(
  context: Pick<PodContext, "cleanUps">,
  key: string,
  caller: AbortSignal,
  steps: (rollback: Rollback) => Promise<T>,
): Promise<T> {
  const rollback = new Rollback();
  try {
    return await steps(rollback);
  } catch (error) {
    throw await rollback.run(context, key, caller, error);
  }
}

function inBackground(): CriError {
  const text = "the clean-up did not end in time and continues in the background";
  return criError("deadline", `${text}, for at most ${cleanUpMs / 1000} s per object`);
}

function withLeftovers(cause: unknown, more: readonly Leftover[]): unknown {
  if (more.length === 0) return cause;
  const error = isCriError(cause)
    ? cause
    : criError("runtime_error", String(cause), { code: "unknown", cause });
  const leftovers = [...error.leftovers, ...more];
  const names = leftovers.map(({ kind, name, id }) => `${kind} ${id?.slice(0, 13) ?? name}`);
  return error.with({
    leftovers,
    hint: `Remove what could not be rolled back: ${names.join(", ")}`,
  });
}

/** Returns whether a failed call may have succeeded on the runtime: its response was lost, or its caller canceled it. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (!isCriError(error)) return true;
  const { code, reason } = error;
  if (reason === "socket_missing" || reason === "socket_forbidden" || reason === "connection_refused")
    return false;
  if (reason === "stream_reset" || reason === "malformed_response" || reason === "invalid_response")
    return true;
  return code === "deadline_exceeded" || code === "canceled" || code === "unavailable" || code === "aborted";
}

/**
 * Returns whether a failed call may have left an object. Other errors than those of {@link isOutcomeUnknown} count, too: containerd keeps
 * a sandbox whose creation and whose clean-up failed, and a runtime may fail after it has created a container.
 */
function mayHaveCreated(error: unknown): boolean {
  return isOutcomeUnknown(error) || !(isCriError(error) && createsNothing.has(error.reason));
}

/** The reasons of calls that were not sent, were refused, or found an object of another call. */
const createsNothing: ReadonlySet<CriErrorReason> = new Set<CriErrorReason>([
  "socket_missing",
  "socket_forbidden",
  "connection_refused",
  "send_limit",
  "invalid_request",
  "unimplemented",
  "unknown_runtime_handler",
  "name_reserved",
]);
