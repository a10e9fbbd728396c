import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readTerminationMessage } from "../../../src/kubernetes/status/termination-message.js";
import type { ObservedContainer } from "../../../src/kubernetes/worker/observed.js";
import { instanceOf } from "../../support/observed-pods.js";
import { tempFolder } from "../../support/temp.js";

const fallback = { "io.kubernetes.container.terminationMessagePolicy": "FallbackToLogsOnError" };
const failed = (fields: Partial<ObservedContainer> = {}) =>
  instanceOf({ state: "exited", exitCode: 1, terminationMessageHostPath: "/message", ...fields });

function logOf(lines: readonly string[]): string {
  return lines.map((line) => `2026-01-01T00:00:00.000000000Z stdout F ${line}\n`).join("");
}

test("the message file, where the container wrote one", async () => {
  const read = async (path: string) => `from ${path}`;
  assert.equal(await readTerminationMessage(failed(), read), "from /message");
  assert.equal(await readTerminationMessage(failed({ annotations: fallback }), read), "from /message");
  assert.equal(await readTerminationMessage(failed({ exitCode: 0 }), read), "from /message");
});

test("nothing for a container that has not ended, or has no message file", async () => {
  const read = async () => "text";
  for (const state of ["created", "running", "unknown"] as const)
    assert.equal(await readTerminationMessage(failed({ state }), read), "");
  assert.equal(await readTerminationMessage(failed({ terminationMessageHostPath: undefined }), read), "");
});

test("the end of the log, for a failure without a message", async (t) => {
  const folder = await tempFolder(t);
  const logPath = join(folder, "0.log");
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  await writeFile(logPath, logOf(lines));
  const messageOf = (fields: Partial<ObservedContainer>) =>
    readTerminationMessage(failed({ logPath, ...fields }), async () => "");
  const end = `${lines.slice(20).join("\n")}\n`;
  assert.equal(await messageOf({ annotations: fallback }), end);
  assert.equal(await messageOf({ annotations: fallback, terminationMessageHostPath: undefined }), end);
  assert.equal(await messageOf({}), "");
  assert.equal(await messageOf({ annotations: fallback, exitCode: 0 }), "");
  assert.equal(await messageOf({ annotations: fallback, startedAtNanos: 0n }), "");
  assert.equal(await messageOf({ annotations: fallback, logPath: "" }), "");

  await writeFile(logPath, logOf(Array.from({ length: 100 }, (_, i) => `${i}`.padStart(99, "x"))));
  const long = await messageOf({ annotations: fallback });
  assert.equal(long.length, 2048);
  assert.ok(long.endsWith("x99\n"));
});

test("an error of reading is the message", async (t) => {
  const read = async () => {
    throw new Error("is a folder");
  };
  assert.equal(
    await readTerminationMessage(failed({ annotations: fallback }), read),
    "Error on reading termination log /message: is a folder",
  );
  const logPath = join(await tempFolder(t), "missing.log");
  const text = await readTerminationMessage(failed({ annotations: fallback, logPath }), async () => "");
  assert.match(text, /^Error on reading termination message from logs: /);
});
