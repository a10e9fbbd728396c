import { OptionTable, option } from "../../core/index.js";

/** How a kubelet observes the pods of its node. */
export interface RelistOptions {
  /**
   * The interval between two relists while the runtime sends events, in milliseconds. Shorter than the kubelet's 300 s, since containerd
   * 1.7 may give an event to another client of the runtime: a lost event costs at most this delay.
   * @default 10_000
   */
  readonly eventedMs?: number | undefined;
  /**
   * The interval between two relists while no events arrive, in milliseconds: that of the kubelet.
   * @default 1_000
   */
  readonly genericMs?: number | undefined;
  /**
   * The age of the last relist at which the node is not ready any more, in milliseconds.
   * @default 180_000
   */
  readonly unhealthyAfterMs?: number | undefined;
  /**
   * The time without a successful Status after which the runtime is down, in milliseconds.
   * @default 30_000
   */
  readonly downAfterMs?: number | undefined;
  /**
   * The interval between two calls of Status, in milliseconds.
   * @default 5_000
   */
  readonly statusMs?: number | undefined;
}

/** The options of {@link RelistOptions}. */
export const relistTable = new OptionTable<RelistOptions>({
  eventedMs: option.timerMs,
  genericMs: option.timerMs,
  unhealthyAfterMs: option.timerMs,
  downAfterMs: option.timerMs,
  statusMs: option.timerMs,
});

/** {@link RelistOptions} with all defaults. */
export type ResolvedRelistOptions = { readonly [K in keyof RelistOptions]-?: number };

/** Applies the defaults. */
export function resolveRelistOptions(options: RelistOptions): ResolvedRelistOptions {
  const {
    eventedMs = 10_000,
    genericMs = 1_000,
    unhealthyAfterMs = 180_000,
    downAfterMs = 30_000,
    statusMs = 5_000,
  } = options;
  return { eventedMs, genericMs, unhealthyAfterMs, downAfterMs, statusMs };
}
