import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CriError } from "../../src/index.js";
import { logRequests, type RequestRecord } from "../../src/observe.js";
import { failure } from "../support/failure.js";
import { until, within } from "../support/waiting.js";
import { inMemory, onSocket, podConfig, secret, through } from "./support.js";

test("each call over a socket has a record with the endpoint, the end and the request", async (t) => {
  const records: RequestRecord[] = [];
  const { cri, socket } = await onSocket(
    t,
    logRequests((record) => records.push(record), { responses: true }),
  );
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig() });
  await failure(cri.runtime.podSandboxStatus({ podSandboxId: "0".repeat(64) }));
  const [, run, status, ...more] = records;
  assert.deepEqual(more, []);
  assert.ok(run && status && run.durationMs > 0);
  assert.deepEqual(
    { ...run, durationMs: 0 },
    {
      method: "RunPodSandbox",
      service: "runtime.v1.RuntimeService",
      endpoint: `unix://${socket}`,
      end: "complete",
      code: "ok",
      reason: undefined,
      error: undefined,
      durationMs: 0,
      messages: 1,
      request: { config: podConfig() },
      response: { podSandboxId },
    },
  );
  assert.deepEqual(
    [status.method, status.end, status.code, status.messages],
    ["PodSandboxStatus", "failed", "not_found", 0],
  );
  assert.ok(status.error);
  assert.equal(JSON.parse(JSON.stringify(status)).request.podSandboxId, "0".repeat(64));
});

test("secrets are masked, also in errors that repeat them; requests and responses are optional", async (t) => {
  const records: RequestRecord[] = [];
  const image = {
    pullImage: () => {
      throw new CriError({
        code: "unknown",
        reason: "runtime_error",
        rawMessage: `"${secret}" is wrong, and so is ab`,
      });
    },
  };
  const log = (record: RequestRecord) => records.push(record);
  const cri = through(t, { image }, logRequests(log), logRequests(log, { requests: false }));
  const auth = { username: "me", password: secret, registryToken: "ab" };
  const error = await failure(cri.image.pullImage({ image: { image: "busybox" }, auth }));
  assert.equal(error.rawMessage, '"[redacted]" is wrong, and so is ab', "a password is in no error");
  assert.equal(records.length, 2);
  for (const record of records) {
    assert.ok(!JSON.stringify(record).includes(secret));
    assert.equal(record.error, '"[redacted]" is wrong, and so is ab');
    assert.equal(record.response, undefined);
  }
  assert.equal(records.filter(({ request }) => request).length, 1);
});

test("a stream has one record at its end: complete, stopped, aborted or failed", async (t) => {
  const records: RequestRecord[] = [];
  const cri = await inMemory(
    t,
    logRequests((record) => records.push(record)),
  );
  const events = cri.runtime.getContainerEvents();
  const first = events.next();
  await pause(20);
  await cri.runtime.runPodSandbox({ config: podConfig() });
  assert.equal((await within(5_000, first)).done, false);
  records.length = 0;
  await events.return?.();
  assert.deepEqual(shown(records), ["GetContainerEvents stopped ok 1"]);

  await cri.lists.podSandboxes().collect();
  const stop = new AbortController();
  const aborted = failure(cri.runtime.getContainerEvents({}, { signal: stop.signal }).next());
  setTimeout(() => stop.abort(), 20);
  assert.equal((await aborted).reason, "aborted_by_caller");
  assert.deepEqual(shown(records).slice(1), [
    "StreamPodSandboxes complete ok 1",
    "GetContainerEvents failed canceled 0",
  ]);
});

test("a stream that its consumer stops during a pending read is stopped, not failed", async (t) => {
  const records: RequestRecord[] = [];
  const { cri } = await onSocket(
    t,
    logRequests((record) => records.push(record)),
  );
  const events = cri.runtime.getContainerEvents();
  const waiting = events.next();
  await pause(50);
  await events.return?.();
  assert.equal((await within(5_000, waiting)).done, true);
  await until(() => records.length === 2, "the stream was logged");
  assert.deepEqual(shown(records).slice(1), ["GetContainerEvents stopped ok 0"]);
});

test("a stream that the server breaks is failed, with the number of received messages", async (t) => {
  const records: RequestRecord[] = [];
  const runtime = {
    async *getContainerEvents() {
      yield { containerId: "a" };
      yield { containerId: "b" };
      throw new CriError({ code: "internal", reason: "runtime_error", rawMessage: "broken" });
    },
  };
  const cri = through(
    t,
    { runtime },
    logRequests((record) => records.push(record)),
  );
  const seen: string[] = [];
  const error = await failure(
    (async () => {
      for await (const { containerId } of cri.runtime.getContainerEvents()) seen.push(containerId);
    })(),
  );
  assert.deepEqual([error.code, seen.join("")], ["internal", "ab"]);
  assert.deepEqual(shown(records), ["GetContainerEvents failed internal 2"]);
  assert.deepEqual(records[0]?.request, {});
});

test("a retried call has a record for each attempt", async (t) => {
  const records: RequestRecord[] = [];
  const { cri, runtime } = await onSocket(
    t,
    logRequests((record) => records.push(record)),
  );
  runtime.faults.failNext("status", { code: "unavailable", message: "server is not initialized yet" });
  await cri.runtime.status();
  assert.deepEqual(shown(records).slice(1), ["Status failed unavailable 0", "Status complete ok 1"]);
});

test("a log that throws or rejects does not affect the call", async (t) => {
  let logged = 0;
  const throws = logRequests(() => {
    logged++;
    throw new Error("the log is full");
  });
  const rejects = logRequests(async () => {
    logged++;
    throw new Error("the log is full");
  });
  const cri = await inMemory(t, throws, rejects);
  await cri.runtime.version();
  for await (const _ of cri.lists.images()) break;
  await until(() => logged >= 4, "all were logged");
});

const shown = (records: readonly RequestRecord[]) =>
  records.map(({ method, end, code, messages }) => `${method} ${end} ${code} ${messages}`);
