import type { ConformanceCase } from "../case.js";
import { attachCases } from "./attach.js";
import { containerLifeCases, containerNameCases } from "./container-life.js";
import { containerListCases } from "./container-list.js";
import { containerProcessCases } from "./container-process.js";
import { containerStatusCases } from "./container-status.js";
import { requestErrorCases } from "./errors-request.js";
import { stateErrorCases, unknownIdCases } from "./errors-state.js";
import { eventCases } from "./events.js";
import { execCases } from "./exec.js";
import { execSyncCases } from "./exec-sync.js";
import { idempotenceCases } from "./idempotence.js";
import { imageLookupCases } from "./image-lookup.js";
import { imagePullCases } from "./image-pull.js";
import { limitCases } from "./limits.js";
import { logCases } from "./log.js";
import { podStatsCases } from "./pod-stats.js";
import { portForwardCases } from "./port-forward.js";
import { runtimeCases } from "./runtime.js";
import { sandboxLifeCases, sandboxNameCases } from "./sandbox-life.js";
import { sandboxListCases } from "./sandbox-list.js";
import { sandboxStatusCases } from "./sandbox-status.js";
import { containerStatsCases } from "./stats.js";
import { streamListCases } from "./stream-lists.js";

/** All cases of the suite. */
export const conformanceCases: readonly ConformanceCase[] = Object.freeze([
  ...runtimeCases,
  ...sandboxLifeCases,
  ...sandboxStatusCases,
  ...sandboxListCases,
  ...sandboxNameCases,
  ...containerLifeCases,
  ...containerStatusCases,
  ...containerListCases,
  ...containerNameCases,
  ...containerProcessCases,
  ...logCases,
  ...imageLookupCases,
  ...imagePullCases,
  ...execSyncCases,
  ...execCases,
  ...attachCases,
  ...portForwardCases,
  ...containerStatsCases,
  ...podStatsCases,
  ...eventCases,
  ...idempotenceCases,
  ...unknownIdCases,
  ...stateErrorCases,
  ...requestErrorCases,
  ...limitCases,
  ...streamListCases,
]);
