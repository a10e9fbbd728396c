import { join } from "node:path";
import { describe } from "node:test";
import { shellCommands } from "../../src/testing/conformance/commands.js";
import { type Crash, crashCases } from "../support/pod-cases/crash.cases.js";
import { ensureCases } from "../support/pod-cases/ensure.cases.js";
import { handleCases } from "../support/pod-cases/handles.cases.js";
import { runCases } from "../support/pod-cases/run.cases.js";
import { openEndpoint } from "../support/pod-cases/subject.js";
import type { Subject } from "./support.js";

/** The cases of the friendly layer that also run against the embedded runtime. */
export function podCases(subject: () => Subject, crashes?: readonly Crash[]): void {
  const asPodSubject = () => {
    const { running, runtime } = subject();
    return {
      endpoint: runtime.endpoint,
      open: openEndpoint(runtime.endpoint),
      image: running.images.busybox,
      missingImage: running.images.busybox.replace(/[^/]+$/, "no-such-image:1"),
      commands: shellCommands,
      logRoot: join(running.dir, "pod-logs"),
      reportsConfig: true,
    };
  };
  describe("pods", () => {
    runCases(asPodSubject);
    handleCases(asPodSubject);
    ensureCases(asPodSubject);
    crashCases(asPodSubject, crashes);
  });
}
