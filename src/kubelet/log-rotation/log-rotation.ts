import { isCriError, OptionTable, option, rawMessageOf } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import { pause } from "../clock-waits.js";
import { recordNodeWarning } from "../event-objects.js";
import type { KubeletLoop, KubeletView } from "../kubelet-view.js";
import type { NodeRelist } from "../relist/index.js";
import { logSize, rotateLog } from "./rotate-log.js";

/** How the logs of containers are rotated. */
export interface LogRotationOptions {
  /**
   * The size from which on a log is rotated, in bytes: `containerLogMaxSize` of the kubelet.
   * @default 10_485_760
   */
  readonly maxBytes?: number | undefined;
  /**
   * The files of one container, the current one included: `containerLogMaxFiles` of the kubelet. At least 2.
   * @default 5
   */
  readonly maxFiles?: number | undefined;
  /**
   * The interval between two checks, in milliseconds: `containerLogMonitorInterval` of the kubelet.
   * @default 10_000
   */
  readonly intervalMs?: number | undefined;
}

/** The options of {@link LogRotationOptions}. */
export const logRotationTable = new OptionTable<LogRotationOptions>({
  maxBytes: option.wholeNumber(1, Number.MAX_SAFE_INTEGER),
  maxFiles: option.wholeNumber(2),
  intervalMs: option.timerMs,
});

/** What {@link LogRotation} uses. */
export interface LogRotationParts {
  readonly view: Pick<KubeletView, "clock" | "pods" | "record" | "nodeName"> & {
    readonly cri: { readonly runtime: LogRuntime };
  };
  readonly relist: Pick<NodeRelist, "containers" | "podUidOf">;
}

type LogRuntime = Pick<Cri["runtime"], "containerStatus" | "reopenContainerLog">;

/** A runtime that takes longer is tried again with the next check. */
const callTimeoutMs = 30_000;

/**
 * Rotates the logs of the running containers of this kubelet's pods. Failures are retried with the next check; a log that fails twice in
 * a row is reported, as a warning of the node with the reason `LogRotationFailed`. (The real kubelet only logs it.)
 */
export class LogRotation implements KubeletLoop {
  readonly #parts: LogRotationParts;
  readonly #options: Required<{ readonly [K in keyof LogRotationOptions]: number }>;
  /** The log of each container, which is immutable. */
  readonly #paths = new Map<string, string>();
  /** How often in a row the rotation failed, by the id of the container. */
  readonly #failures = new Map<string, number>();

  constructor(parts: LogRotationParts, options: LogRotationOptions = {}) {
    const { maxBytes = 10 * 1024 * 1024, maxFiles = 5, intervalMs = 10_000 } = options;
    this.#parts = parts;
    this.#options = { maxBytes, maxFiles, intervalMs };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (await pause(this.#parts.view.clock, this.#options.intervalMs, signal))
      await this.rotateAll(signal);
  }

  /** Checks all logs once. Resolves early when the runtime does not answer, or when the signal fires. */
  async rotateAll(signal: AbortSignal): Promise<void> {
    const { view, relist } = this.#parts;
    const ownUids = new Set(view.pods().map(({ pod }) => pod.metadata.uid));
    const running = [...relist.containers.values()].filter(
      (one) => one.state === "running" && ownUids.has(relist.podUidOf(one)),
    );
    const ids = new Set(running.map(({ id }) => id));
    for (const known of [this.#paths, this.#failures])
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    for (const { id, name } of running) {
      if (signal.aborted) return;
      try {
        await this.#rotate(id, signal);
        this.#failures.delete(id);
      } catch (error) {
        if (signal.aborted) return;
        this.#reportFailure(id, name, error);
        // A runtime that is down or hangs would delay the check once for each container.
        if (isCriError(error) && ["unavailable", "deadline_exceeded"].includes(error.code)) return;
      }
    }
  }

  async #rotate(containerId: string, signal: AbortSignal): Promise<void> {
    const path = await this.#pathOf(containerId, signal);
    if (path === "") return;
    const size = await logSize(path);
    const { runtime } = this.#parts.view.cri;
    const reopen = async () => {
      await runtime.reopenContainerLog({ containerId }, { signal, timeoutMs: callTimeoutMs });
    };
    // An earlier rotation was interrupted between its two steps.
    if (size === undefined) await reopen();
    else if (size >= this.#options.maxBytes) {
      const time = new Date(this.#parts.view.clock.now());
      await rotateLog(path, { maxFiles: this.#options.maxFiles, time, reopen });
    }
  }

  /** A single failure is usual: the container may have ended in the meantime. */
  #reportFailure(id: string, name: string, error: unknown): void {
    const count = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, count);
    if (count !== 2) return;
    const message = `the log of container ${name} (${id.slice(0, 13)}) was not rotated: ${rawMessageOf(error)}`;
    recordNodeWarning(this.#parts.view, "LogRotationFailed", message);
  }

  async #pathOf(containerId: string, signal: AbortSignal): Promise<string> {
    const known = this.#paths.get(containerId);
    if (known !== undefined) return known;
    const { runtime } = this.#parts.view.cri;
    const { status } = await runtime.containerStatus({ containerId }, { signal, timeoutMs: callTimeoutMs });
    const path = status?.logPath ?? "";
    this.#paths.set(containerId, path);
    return path;
  }
}
