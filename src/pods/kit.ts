import type { Lists, RuntimeClient } from "../clients/index.js";
import type { Images } from "../images/index.js";
import type { Sessions } from "../sessions/index.js";
import type { CgroupDrivers } from "./cgroup-driver.js";
import type { KeyedLocks } from "./keyed-locks.js";
import type { Hints } from "./life/hints.js";

/** What pods and containers of one connection share. */
export interface PodKit {
  readonly runtime: RuntimeClient;
  readonly lists: Lists;
  readonly images: Images;
  readonly sessions: Sessions;
  /** What errors call the endpoint. */
  readonly endpoint: string;
  /** Whose the things are that this connection makes. */
  readonly owner: string;
  /** Where pods have their log directories. */
  readonly logRoot: string;
  readonly cgroups: CgroupDrivers;
  /** Tells when something may have changed. */
  readonly hints: Hints;
  /** One reconciliation of one thing at a time. */
  readonly locks: KeyedLocks;
}
