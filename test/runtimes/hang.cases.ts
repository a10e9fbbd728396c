import { join } from "node:path";
import { shellCommands } from "../../src/testing/conformance/commands.js";
import { hangingCases } from "../support/hanging/cases.js";
import type { Subject } from "./support.js";

/** Cases for a daemon that is stopped, as by `kill -STOP`. */
export function hangCases(subject: () => Subject): void {
  hangingCases(() => {
    const { running, runtime } = subject();
    return {
      endpoint: runtime.endpoint,
      image: running.images.busybox,
      commands: shellCommands,
      logRoot: join(running.dir, "hanging-logs"),
      hang: () => process.kill(runtime.pid, "SIGSTOP"),
      resume: () => process.kill(runtime.pid, "SIGCONT"),
    };
  });
}
