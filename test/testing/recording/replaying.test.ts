// Replays: strict and loose, their errors, and the times of streams.
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Cri, connect } from "../../../src/index.js";
import { type ReplayOptions, recording, replaying, VirtualClock } from "../../../src/testing/index.js";
import { ContainerEventType } from "../../../src/v1.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox, sandboxConfig, scripted } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

/** Records a program on a scripted runtime; returns the file. */
async function recordedFile(t: TestContext, program: (cri: Cri) => Promise<unknown>): Promise<string> {
  const file = join(await tempFolder(t), "session.jsonl");
  const { runtime } = await scripted(t);
  await using recorder = recording(runtime.transport, file);
  await program(connect.through(recorder));
  return file;
}

async function open(t: TestContext, program: (cri: Cri) => Promise<unknown>, options: ReplayOptions = {}) {
  const file = await recordedFile(t, program);
  const replay = replaying(file, options);
  cleanup(t, () => replay.close());
  const cri = connect.through(replay);
  cleanup(t, () => cri.close());
  return { file, replay, cri };
}

const run = (cri: Cri, name: string) => cri.runtime.runPodSandbox({ config: sandboxConfig(name) });

test("the same calls get the same responses", async (t) => {
  let expected: unknown;
  const { replay, cri } = await open(t, async (recorded) => {
    await run(recorded, "a");
    expected = await recorded.runtime.listPodSandbox();
  });
  assert.deepEqual(replay.pending.length, 2);
  await run(cri, "a");
  assert.match(replay.pending.join(), /^call 2, ListPodSandbox \(.*session\.jsonl:4\)$/);
  assert.throws(() => replay.assertReplayed(), /1 recorded calls were not made: call 2, ListPodSandbox/);
  assert.deepEqual(await cri.runtime.listPodSandbox(), expected);
  replay.assertReplayed();
});

test("strict: another request is refused with the fields that differ", async (t) => {
  const { replay, cri, file } = await open(t, (recorded) => run(recorded, "a"));
  const config = { ...sandboxConfig("b"), hostname: "b", labels: { "app.example/name": "b" } };
  const error = await failure(cri.runtime.runPodSandbox({ config }), "not_recorded");
  assert.equal(
    error.rawMessage,
    [
      `the request differs from call 1 of the recording (${file}:2)`,
      '  config.metadata.name: recorded "a", called "b"',
      '  config.hostname: only in the call: "b"',
      '  config.labels: only in the call: {"app.example/name":"b"}',
    ].join("\n"),
  );
  assert.deepEqual([error.code, error.method], ["failed_precondition", "RunPodSandbox"]);
  assert.throws(() => replay.assertReplayed(), /config\.metadata\.name: recorded "a", called "b"/);
  // The recording has not moved on.
  await run(cri, "a");
  assert.deepEqual([replay.pending, replay.mismatches.length], [[], 1]);
});

test("strict: another RPC, and one call too many, are refused with what was recorded and called", async (t) => {
  const { cri, file } = await open(t, (recorded) => recorded.runtime.version());
  const other = await failure(cri.runtime.stopPodSandbox({ podSandboxId: "a".repeat(64) }), "not_recorded");
  assert.equal(
    other.rawMessage,
    [
      `call 1 of the recording (${file}:2) is another RPC`,
      "  recorded Version {}",
      `  called StopPodSandbox {"podSandboxId":"${"a".repeat(64)}"}`,
    ].join("\n"),
  );
  await cri.runtime.version();
  const late = await failure(cri.runtime.version(), "not_recorded");
  assert.equal(late.rawMessage, `the recording ${file} ends after 1 calls\n  called Version {}`);
});

test("strict: a message of a stream comes when the calls before it have been made", async (t) => {
  const program = async (cri: Cri) => {
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { containerEventType } of cri.runtime.getContainerEvents({})) {
        seen.push(`event ${containerEventType}`);
        if (seen.length === 2) break;
      }
    })();
    await cri.runtime.version();
    await turn();
    seen.push("before the pod");
    await run(cri, "a");
    await within(10_000, reading, "the events");
    return seen;
  };
  let expected: string[] = [];
  const { replay, cri } = await open(t, async (recorded) => {
    expected = await program(recorded);
  });
  assert.equal(expected[0], "before the pod");
  assert.deepEqual(await program(cri), expected);
  replay.assertReplayed();
});

test("loose: calls in another order, repeated ones, and one that was not recorded", async (t) => {
  const { replay, cri, file } = await open(
    t,
    async (recorded) => {
      await run(recorded, "a");
      await recorded.runtime.listPodSandbox();
      await run(recorded, "b");
      await recorded.runtime.listPodSandbox();
    },
    { mode: "loose" },
  );
  const b = await run(cri, "b");
  const lengths: number[] = [];
  for (let count = 0; count < 3; count++) lengths.push((await cri.runtime.listPodSandbox()).items.length);
  assert.deepEqual(lengths, [1, 2, 2], "in their order, and the last one again");
  assert.deepEqual(await run(cri, "b"), b);
  const error = await failure(run(cri, "c"), "not_recorded");
  assert.equal(
    error.rawMessage,
    [
      `no call of RunPodSandbox in the recording has this request; it differs from the nearest one, call 1 (${file}:2)`,
      '  config.metadata.name: recorded "a", called "c"',
    ].join("\n"),
  );
  const unknown = await failure(cri.image.listImages(), "not_recorded");
  assert.match(unknown.rawMessage, /has no call of ListImages\n {2}called ListImages \{\}$/);
  assert.match(replay.pending.join(), /^call 1, RunPodSandbox/);
});

test("loose: messages of a stream come after their recorded times on a virtual clock, and only once", async (t) => {
  const clock = new VirtualClock();
  const { file, replay, cri } = await open(
    t,
    async (recorded) => {
      const events = recorded.runtime.getContainerEvents({});
      const reading = (async () => {
        for await (const { containerEventType } of events)
          if (containerEventType === ContainerEventType.CONTAINER_STARTED_EVENT) break;
      })();
      await run(recorded, "a");
      await reading;
    },
    { mode: "loose", clock },
  );
  const times = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.includes('"message"'))
    .map((line): number => JSON.parse(line).ms);
  const seen: number[] = [];
  const controller = new AbortController();
  const reading = (async () => {
    for await (const _ of cri.runtime.getContainerEvents({}, { signal: controller.signal })) seen.push(0);
  })();
  await clock.whenSleeping(1);
  assert.equal(seen.length, 0);
  await clock.advance(Math.max(...times));
  assert.equal(seen.length, times.length);
  // The recording ends with the caller's leaving: the stream stays silent from there on, and so does a second one.
  await clock.advance(3_600_000);
  controller.abort();
  await assert.rejects(reading, { reason: "aborted_by_caller" });
  const second = cri.runtime.getContainerEvents({}, { timeoutMs: 50 })[Symbol.asyncIterator]();
  await assert.rejects(second.next(), { reason: "deadline" });
  assert.deepEqual(replay.mismatches, []);
});

test("values that differ from run to run are replaced in the responses", async (t) => {
  const program = async (cri: Cri, uid: string) => {
    const config = {
      metadata: { name: "a", uid, namespace: "n", attempt: 0 },
      labels: { "pod-uid": `uid-${uid}` },
    };
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
    const { status } = await cri.runtime.podSandboxStatus({ podSandboxId });
    return [status?.metadata?.uid, status?.labels["pod-uid"]];
  };
  const { replay, cri } = await open(t, (recorded) => program(recorded, "11111111-aaaa"));
  assert.deepEqual(await program(cri, "22222222-bbbb"), ["22222222-bbbb", "uid-22222222-bbbb"]);
  replay.assertReplayed();
});

test("varying: a name, and one key of the labels", async (t) => {
  const program = async (cri: Cri, name: string) => {
    const config = {
      ...sandboxConfig("x"),
      metadata: { name, uid: "u", namespace: "n" },
      labels: { run: name, app: "web" },
    };
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
    const { status } = await cri.runtime.podSandboxStatus({ podSandboxId });
    return [status?.metadata?.name, status?.labels.run];
  };
  const varying = ["runtime.v1.PodSandboxMetadata.name", 'runtime.v1.PodSandboxConfig.labels["run"]'];
  const { cri } = await open(t, (recorded) => program(recorded, "one"), { varying });
  assert.deepEqual(await program(cri, "two"), ["two", "two"]);
  assert.throws(() => replaying("x", { varying: ["runtime.v1.PodSandboxMetadata.attempt"] }), {
    reason: "invalid_option",
    message: /varying\[0\] must be a string field/,
  });
});

test("errors keep their code, reason and text", async (t) => {
  const { cri, replay } = await open(t, (recorded) =>
    assert.rejects(recorded.runtime.containerStatus({ containerId: "none" })),
  );
  const error = await failure(cri.runtime.containerStatus({ containerId: "none" }), "object_missing");
  assert.equal(error.code, "not_found");
  replay.assertReplayed();
});

test("a call that its caller canceled waits for its caller again", async (t) => {
  const program = async (cri: Cri) => {
    const controller = new AbortController();
    const pull = cri.image.pullImage({ image: { image: busybox } }, { signal: controller.signal });
    await turn();
    controller.abort();
    const streaming = new AbortController();
    const reading = (async () => {
      for await (const _ of cri.runtime.getContainerEvents({}, { signal: streaming.signal }));
    })();
    const failed = await failure(pull, "aborted_by_caller");
    await cri.runtime.version();
    streaming.abort();
    await failure(reading, "aborted_by_caller");
    return failed.reason;
  };
  const { cri, replay } = await open(t, (recorded) => program(recorded));
  await program(cri);
  replay.assertReplayed();
});

test("a call without a response in the recording fails, unless the caller set a deadline", async (t) => {
  const file = await recordedFile(t, (cri) => cri.runtime.version());
  writeFileSync(file, `${readFileSync(file, "utf8").split("\n").slice(0, 2).join("\n")}\n`);
  await using replay = replaying(file, { mode: "loose" });
  const { runtime } = connect.through(replay);
  const error = await failure(runtime.version({}, { timeoutMs: 0 }), "not_recorded");
  assert.match(error.rawMessage, /^call 1 has no response in the recording: /);
  await failure(runtime.version({}, { timeoutMs: 20 }), "deadline");
});

test("sessions that were not recorded are refused with what to do", async (t) => {
  const { cri, replay } = await open(t, async (recorded) => {
    const { podSandboxId } = await run(recorded, "a");
    await recorded.runtime.portForward({ podSandboxId, port: [80] });
  });
  const { podSandboxId } = await run(cri, "a");
  const error = await failure(cri.runtime.portForward({ podSandboxId, port: [80] }), "not_recorded");
  assert.match(error.message, /session of call 2 was not recorded.*Pass `sessions: true` to recording\(\)/);
  assert.equal(replay.mismatches.length, 1);
});

test("close() ends calls that wait, and refuses later ones", async (t) => {
  const program = async (cri: Cri, leave: () => unknown) => {
    const reading = (async () => {
      for await (const _ of cri.runtime.getContainerEvents({}));
    })();
    await cri.runtime.version();
    await leave();
    await assert.rejects(reading, { reason: "client_closed" });
  };
  const { cri, replay } = await open(t, (recorded) => program(recorded, () => recorded.close()));
  await program(cri, () => replay.close());
  await assert.rejects(cri.runtime.version(), { reason: "client_closed" });
});

test("a clock needs a loose replay, and an option that does not exist is refused", async (t) => {
  const file = await recordedFile(t, (cri) => cri.runtime.version());
  assert.throws(() => replaying(file, { clock: new VirtualClock() }), {
    message: /clock requires mode: "loose"/,
  });
  assert.throws(() => replaying(file, { mod: "loose" } as object), { message: /mod is not an option/ });
});

test("a damaged recording is refused with the line", async (t) => {
  const file = await recordedFile(t, (cri) => cri.runtime.version());
  const good = readFileSync(file, "utf8");
  const cases: readonly (readonly [text: string, message: RegExp])[] = [
    ["", /line 1 of .* is not a JSON object/],
    ["{}\n", /line 1 of .* is not the header of a recording/],
    [good.replace('"version":1', '"version":2'), /line 1 of .* has version 2 of the format/],
    [`${good}nonsense\n`, /line 4 of .* is not a JSON object/],
    [`${good}{"ms":1}\n`, /line 4 of .* is neither a call, nor a session, nor a log/],
    [`${good}{"call":7,"end":"finished","ms":1}\n`, /line 4 of .* belongs to call 7, which has not begun/],
    [`${good}{"call":7,"rpc":"Version","request":{},"ms":1}\n`, /begins call 7 where call 2 is expected/],
    [
      `${good}{"call":2,"rpc":"Version","request":{"version":3},"ms":1}\n`,
      /has an invalid message of Version/,
    ],
    [`${good}{"call":2,"rpc":"Version","request":{}}\n`, /line 4 of .* has no time/],
    [`${good}{"call":1,"ms":1}\n`, /is neither a response, nor a message, nor an end/],
    [
      `${good}{"session":1,"stream":"stdin","data":"x","ms":1}\n`,
      /belongs to session 1, which has not begun/,
    ],
    [`${good}{"log":"a","path":"b","content":7,"ms":1}\n`, /must have a string or an object with base64/],
  ];
  for (const [text, message] of cases) {
    writeFileSync(file, text);
    assert.throws(() => replaying(file), { reason: "invalid_file", message });
  }
  writeFileSync(file, good);
  appendFileSync(file, "\n");
  await replaying(file).close();
  assert.throws(() => replaying(`${file}.missing`), { reason: "recording_failed", message: /ENOENT/ });
});

test("input of a session that differs fails the session and the replay", async (t) => {
  const file = join(await tempFolder(t), "session.jsonl");
  const { runtime } = await scripted(t);
  const program = async (cri: Cri, input: string) => {
    const { podSandboxId } = await run(cri, "a");
    const config = { metadata: { name: "c" }, image: { image: busybox }, command: ["run"] };
    const { containerId } = await cri.runtime.createContainer({
      podSandboxId,
      config,
      sandboxConfig: sandboxConfig("a"),
    });
    await cri.runtime.startContainer({ containerId });
    return (await cri.runCommand(containerId, ["cat"], { input })).stdout;
  };
  {
    await using recorder = recording(runtime.transport, file, { sessions: true });
    assert.equal(await program(connect.through(recorder), "expected"), "expected");
  }
  await using replay = replaying(file);
  await failure(program(connect.through(replay), "other"));
  assert.throws(
    () => replay.assertReplayed(),
    /stdin differs from the recording: recorded "expected", received "other"/,
  );
});
