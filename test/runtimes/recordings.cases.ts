import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { shellCommands } from "../../src/testing/index.js";
import { createTransport } from "../../src/transport.js";
import { checkRecording } from "../support/recordings/recordings.js";
import { tempFolder } from "../support/temp.js";
import type { Subject } from "./support.js";

/** The recording that `npm test` replays on machines without a runtime. */
export function recordingCases(subject: () => Subject): void {
  test("the recorded scenario runs here, on its recording, and as it was committed", {
    timeout: 120_000,
  }, async (t) => {
    const { running, runtime } = subject();
    const uid = randomUUID();
    await using transport = createTransport(runtime.endpoint);
    await checkRecording(
      runtime.name,
      transport,
      {
        image: running.images.busybox,
        uid,
        logDirectory: `${running.dir}/logs/${uid}`,
        cgroupParent: `${running.cgroupParent}/${uid}`,
        commands: shellCommands,
      },
      await tempFolder(t),
    );
  });
}
