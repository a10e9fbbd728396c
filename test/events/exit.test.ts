import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted, start } from "../support/embedded.js";
import { runProgram } from "../support/programs.js";
import { tempFolder } from "../support/temp.js";

test("a process that read events, watched the node and waited exits by itself", async (t) => {
  const { runtime, cri } = await scripted(t, { socket: `${await tempFolder(t)}/cri.sock` });
  await start(cri, ["run"]);
  assert.equal(
    await runProgram("reads-events.ts", [runtime.endpoint ?? ""], 30_000),
    "deadline, and then idle for less than 2 s",
  );
});
