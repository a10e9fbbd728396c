import { OptionTable, option } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import type { KubeletLoop, KubeletView } from "../kubelet-view.js";
import type { NodeRelist } from "../relist/index.js";

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
  readonly view: Pick<KubeletView, "clock" | "pods"> & { readonly cri: Pick<Cri, "runtime"> };
  readonly relist: Pick<NodeRelist, "pods" | "containers">;
}

/** Rotates the logs of the containers of this kubelet's pods. */
export class LogRotation implements KubeletLoop {
  readonly #parts: LogRotationParts;
  readonly #options: LogRotationOptions;

  constructor(parts: LogRotationParts, options: LogRotationOptions = {}) {
    this.#parts = parts;
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted)
      await this.#parts.view.clock.sleep(this.#options.intervalMs ?? 10_000, signal).catch(() => undefined);
  }
}
