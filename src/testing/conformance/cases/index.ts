import type { ConformanceCase } from "../case.js";
import { attachCases } from "./attach.js";
import { containerLifeCases } from "./container-life.js";
import { containerListCases } from "./container-list.js";
import { containerNameCases } from "./container-names.js";
import { containerProcessCases } from "./container-process.js";
import { containerStatusCases } from "./container-status.js";
import { execCases } from "./exec.js";
import { execSyncCases } from "./exec-sync.js";
import { imageCases } from "./image.js";
import { logCases } from "./log.js";
import { portForwardCases } from "./port-forward.js";
import { runtimeCases } from "./runtime.js";
import { sandboxLifeCases } from "./sandbox-life.js";
import { sandboxListCases } from "./sandbox-list.js";
import { sandboxNameCases } from "./sandbox-names.js";
import { sandboxStatusCases } from "./sandbox-status.js";

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
  ...imageCases,
  ...execSyncCases,
  ...execCases,
  ...attachCases,
  ...portForwardCases,
]);
