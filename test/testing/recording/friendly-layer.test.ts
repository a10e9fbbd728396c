// Recordings of the friendly layer, and of sessions and logs: what a program saw on a runtime, it sees again without one.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Cri, type CriError, connect } from "../../../src/index.js";
import { recording, replaying } from "../../../src/testing/index.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox, scripted } from "../../support/embedded.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

/** Runs a program on a scripted runtime while it is recorded, then on the recording. Returns the recording's text. */
async function twice(t: TestContext, program: (cri: Cri) => Promise<unknown>): Promise<string> {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const file = join(folder, "session.jsonl");
  const { runtime } = await scripted(t);
  const recorder = recording(runtime.transport, file, { sessions: true, logs: true });
  const logRoot = join(folder, "recorded");
  const recorded = connect.through({ transport: recorder, pods: { logRoot } });
  const expected = await within(20_000, program(recorded), "the program on the runtime");
  await recorded.close();
  await recorder.close();
  await runtime.close();

  // As if another process had made the recording.
  const recordedText = readFileSync(file, "utf8");
  const [, identity = ""] = /"cri-sdk\/owner-process":"([^"]+)"/.exec(recordedText) ?? [];
  assert.notEqual(identity, "");
  writeFileSync(file, recordedText.replaceAll(identity, identity.replace(/[0-9a-f]{4}/, "dead")));
  const replay = replaying(file);
  cleanup(t, () => replay.close());
  const replayed = connect.through({ transport: replay, pods: { logRoot: join(folder, "replayed") } });
  try {
    assert.deepEqual(await within(20_000, program(replayed), "the program on the recording"), expected);
  } finally {
    assert.deepEqual(replay.mismatches.map(String), []);
    await replayed.close();
  }
  replay.assertReplayed();
  return recordedText;
}

test("a pod's life: run, start, wait, log, remove", { timeout: 60_000 }, async (t) => {
  await twice(t, async (cri) => {
    await using pod = await cri.pods.run({ name: "web", namespace: "shop" });
    const job = await pod.runContainer({ name: "job", image: busybox, command: ["exit", "3"] });
    const exit = await job.wait();
    const { state } = await job.status();
    return { id: pod.id, exitCode: exit.exitCode, state };
  });
});

test("logs: the content of the file, also while it is followed", { timeout: 60_000 }, async (t) => {
  const text = await twice(t, async (cri) => {
    await using pod = await cri.pods.run({ name: "web" });
    const printed = await pod.runContainer({
      name: "a",
      image: busybox,
      command: ["print", "one\ntwo\n", "err\n"],
    });
    await printed.wait();
    const lines: string[] = [];
    for await (const entry of printed.logs({ follow: true })) lines.push(`${entry.stream} ${entry.text}`);
    return lines.sort();
  });
  assert.match(text, /"log":"[0-9a-f]+","path":".*recorded.*","content":"\d{4}-.* stdout F one\\n/);
});

test("exec: output, input, exit codes, and a command that does not exist", { timeout: 60_000 }, async (t) => {
  const text = await twice(t, async (cri) => {
    await using pod = await cri.pods.run({ name: "web" });
    const container = await pod.runContainer({ name: "a", image: busybox, command: ["run"] });
    const echoed = await container.runCommand(["cat"], { input: "twelve bytes" });
    const failed = await container.runCommand(["exit", "7"]);
    const binary = await container.runCommand(["cat"], {
      input: Buffer.from([0, 255, 128]),
      encoding: "buffer",
    });
    const missing = await container.runCommand(["no-such-command"]).catch((error: CriError) => error.reason);
    return [echoed.stdout, failed.exitCode, [...binary.stdout], missing];
  });
  assert.match(text, /"stream":"stdin","data":"twelve bytes"/);
  assert.match(text, /"stream":"stdout","data":\{"base64":"AP\+A"\}/);
});

test("a terminal: sizes, and attach", { timeout: 60_000 }, async (t) => {
  await twice(t, async (cri) => {
    await using pod = await cri.pods.run({ name: "web" });
    const container = await pod.runContainer({
      name: "a",
      image: busybox,
      command: ["cat"],
      stdin: true,
      tty: true,
    });
    const session = await container.attach({ stdin: true, tty: true, size: { rows: 10, columns: 20 } });
    session.stdin?.write("hello");
    let seen = "";
    for await (const chunk of session.stdout ?? []) {
      seen += chunk;
      if (seen.includes("hello")) break;
    }
    await session.close();
    await session.ended.catch(() => undefined);
    return seen;
  });
});

test("port-forward: two connections to a port, and one to a port on which nothing listens", {
  timeout: 60_000,
}, async (t) => {
  const text = await twice(t, async (cri) => {
    await using pod = await cri.pods.run({ name: "web" });
    await pod.runContainer({ name: "a", image: busybox, command: ["listen", "8080"] });
    await using forward = pod.portForward();
    const answers: string[] = [];
    for (const word of ["first", "second"]) {
      const connection = await forward.connect(8080, { portWaitMs: 10_000 });
      connection.write(word);
      for await (const chunk of connection) {
        answers.push(String(chunk));
        break;
      }
    }
    const refused = await forward
      .connect(9090)
      .then(async (connection) => {
        for await (const _ of connection);
        return "ended";
      })
      .catch((error: { reason?: string }) => error.reason);
    return [...answers, refused];
  });
  assert.match(text, /"port":8080/);
  assert.match(text, /"stream":"received","data":"second"/);
});
