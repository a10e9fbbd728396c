import { join } from "node:path";
import { describe } from "node:test";
import { shellCommands } from "../../src/testing/conformance/commands.js";
import { type Crash, crashCases } from "../pods/cases/crash.cases.js";
import { ensureCases } from "../pods/cases/ensure.cases.js";
import { handleCases } from "../pods/cases/handles.cases.js";
import { runCases } from "../pods/cases/run.cases.js";
import { openEndpoint } from "../pods/cases/subject.js";
import type { Subject } from "./support.js";

/** The friendly layer, with the same cases that the embedded runtime is held to. */
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
      tellsConfig: true,
    };
  };
  describe("pods", () => {
    runCases(asPodSubject);
    handleCases(asPodSubject);
    ensureCases(asPodSubject);
    crashCases(asPodSubject, crashes);
  });
}
