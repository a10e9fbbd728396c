import type { Lists, RuntimeClient } from "../clients/index.js";
import type { ChangeNotifier } from "../events/index.js";
import type { Images } from "../images/index.js";
import type { Sessions } from "../sessions/index.js";
import { CgroupDrivers } from "./cgroups.js";
import { CleanUps } from "./clean-ups.js";
import { KeyedLocks } from "./keyed-locks.js";
import { type PodsOptions, resolvePodsOptions } from "./options.js";

/** What the pods and containers of one connection share. */
export interface PodContext {
  readonly runtime: RuntimeClient;
  readonly lists: Lists;
  readonly images: Images;
  readonly sessions: Sessions;
  /** The endpoint as errors name it. */
  readonly endpoint: string;
  /** The owner label of everything that this connection creates. */
  readonly owner: string;
  /** The directory of the pods' log directories. */
  readonly logRoot: string;
  readonly cgroupDrivers: CgroupDrivers;
  /** Notifies waits that a sandbox or container may have changed. */
  readonly changes: ChangeNotifier;
  /** Fires when the client is closed. */
  readonly closing: AbortSignal;
  /** Serializes `ensure` calls for one pod or container. */
  readonly locks: KeyedLocks;
  readonly cleanUps: CleanUps;
}

/** Creates the context of a connection. Throws `invalid_option`. */
export function createPodContext(
  parts: Pick<PodContext, "runtime" | "lists" | "images" | "sessions" | "endpoint" | "changes" | "closing">,
  options?: PodsOptions,
): PodContext {
  return Object.freeze<PodContext>({
    ...parts,
    ...resolvePodsOptions(options),
    cgroupDrivers: new CgroupDrivers(parts.runtime),
    locks: new KeyedLocks(),
    cleanUps: new CleanUps(parts.runtime),
  });
}
