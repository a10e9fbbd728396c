// The recording of the embedded runtime, which is made like those of the others.
import { join } from "node:path";
import { test } from "node:test";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { checkRecording } from "../support/recordings/recordings.js";
import { programs, scriptedCommands } from "../support/scripted-programs.js";
import { tempFolder } from "../support/temp.js";

test("the recorded scenario runs on the embedded runtime, on its recording, and as it was committed", {
  timeout: 120_000,
}, async (t) => {
  const dir = await tempFolder(t);
  await using runtime = await EmbeddedRuntime.start({ programs });
  await checkRecording(
    "embedded",
    runtime.transport,
    {
      image: "docker.io/library/busybox:1.37",
      uid: "11111111-1111-4111-8111-111111111111",
      logDirectory: join(dir, "recorded"),
      cgroupParent: "/recorded",
      commands: scriptedCommands,
    },
    dir,
  );
});
