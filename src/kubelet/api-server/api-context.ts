import type { BackoffOptions } from "../../core/index.js";
import { backoff, rawMessageOf } from "../../core/index.js";
import type { Clock } from "../../kubernetes/index.js";
import { recordNodeWarning } from "../event-objects.js";
import type { SourceHost } from "../pod-source.js";
import type { ApiClient } from "./api-client.js";
import { ApiServerError } from "./api-error.js";

/** The dependencies that all parts of this source share. */
export interface ApiContext {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly retry: BackoffOptions;
  readonly record: SourceHost["record"];
}

/** The default back-off of retries. */
const defaultRetry = { firstMs: 200, maxMs: 10_000, factor: 2, jitter: 0.2 } as const;

/** The back-off of one operation. It is reset after a success, and respects the Retry-After of the API server. */
export class RetryDelays {
  readonly #context: Pick<ApiContext, "clock" | "retry">;
  #next: ReturnType<typeof backoff> | undefined;

  constructor(context: Pick<ApiContext, "clock" | "retry">) {
    this.#context = context;
  }

  /** Whether the last attempt failed. */
  get hasFailed(): boolean {
    return this.#next !== undefined;
  }

  reset(): void {
    this.#next = undefined;
  }

  /** Waits before the next attempt. Rejects with the signal's reason when the signal fires. */
  async wait(error: unknown, signal: AbortSignal): Promise<void> {
    const step = this.#next ?? backoff({ ...defaultRetry, ...this.#context.retry });
    this.#next = step.next();
    const wantedMs = error instanceof ApiServerError ? (error.retryAfterMs ?? 0) : 0;
    await this.#context.clock.sleep(Math.max(step.delayMs(), wantedMs), signal);
  }
}

/** Reports failures, each text only once until another one or a success follows. */
export class FailureReporter {
  readonly #report: (message: string) => void;
  #last: string | undefined;

  constructor(report: (message: string) => void) {
    this.#report = report;
  }

  readonly failed = (error: unknown): void => {
    const message = rawMessageOf(error);
    if (message === this.#last) return;
    this.#last = message;
    this.#report(message);
  };

  readonly succeeded = (): void => {
    this.#last = undefined;
  };
}

/** Returns a reporter that records failures as events of the node. */
export function nodeFailures(
  context: Pick<ApiContext, "record" | "nodeName">,
  reason: string,
): FailureReporter {
  return new FailureReporter((message) => recordNodeWarning(context, reason, message));
}
