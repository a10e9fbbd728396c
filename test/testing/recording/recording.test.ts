// What is in a recording, and that recording changes nothing for its client.
import assert from "node:assert/strict";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { connect } from "../../../src/index.js";
import { criError, memoryTransport } from "../../../src/server/index.js";
import { type RecordingOptions, recording } from "../../../src/testing/index.js";
import { createTransport } from "../../../src/transport.js";
import { ContainerEventType, VersionResponseSchema } from "../../../src/v1.js";
import { busybox, sandboxConfig, scripted } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

type RecordedLine = Readonly<Record<string, unknown>>;

async function recorded(t: TestContext, options: RecordingOptions = {}, like?: "containerd-2.1") {
  const file = join(await tempFolder(t), "session.jsonl");
  const { runtime } = await scripted(t, { like });
  const recorder = recording(runtime.transport, file, options);
  const cri = connect.through(recorder);
  return { runtime, recorder, cri, file, lines: () => linesOf(file) };
}

function linesOf(file: string): RecordedLine[] {
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line): RecordedLine => JSON.parse(line));
}

/** Lines without their times. */
const untimed = (lines: readonly RecordedLine[]) => lines.map(({ ms: _, ...line }) => line);

test("a call has a line for its request and one for its response, in protobuf's JSON form, with their times", async (t) => {
  const { cri, recorder, lines } = await recorded(t);
  const version = await cri.runtime.version();
  await recorder.close();
  const [header, request, response, ...rest] = lines();
  assert.deepEqual([header?.format, header?.version, header?.maskFields], ["cri-sdk recording", 1, []]);
  assert.ok(Math.abs(Date.parse(String(header?.startedAt)) - Date.now()) < 60_000);
  assert.deepEqual(untimed([request ?? {}]), [{ call: 1, rpc: "Version", request: {} }]);
  assert.deepEqual(fromJson(VersionResponseSchema, response?.response as JsonValue), version);
  assert.ok(Number(response?.ms) >= Number(request?.ms));
  assert.deepEqual(rest, []);
});

test("an error is recorded with its code, reason and text, and reaches the client unchanged", async (t) => {
  const { cri, runtime, recorder, lines } = await recorded(t);
  runtime.faults.failNext("listImages", { code: "data_loss", message: "the disk is gone" });
  const error = await failure(cri.image.listImages());
  assert.deepEqual([error.code, error.rawMessage], ["data_loss", "the disk is gone"]);
  await recorder.close();
  assert.deepEqual(untimed(lines().slice(1)), [
    { call: 1, rpc: "ListImages", request: {} },
    { call: 1, error: { code: "data_loss", reason: "runtime_error", message: "the disk is gone" } },
  ]);
});

test("a lost connection keeps its reason", async (t) => {
  const { cri, runtime, recorder, lines } = await recorded(t);
  runtime.faults.cutConnection("createContainer");
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandboxConfig("a") });
  const config = { metadata: { name: "c" }, image: { image: busybox } };
  const request = { podSandboxId, config, sandboxConfig: sandboxConfig("a") };
  await assert.rejects(cri.runtime.createContainer(request), { reason: "connection_lost" });
  await recorder.close();
  const { error } = lines().find((line) => "error" in line) ?? {};
  assert.deepEqual((error as { reason: string }).reason, "connection_lost");
});

test("every message of a stream is recorded, and that the caller left it", async (t) => {
  const { cri, recorder, lines } = await recorded(t);
  const events = cri.runtime.getContainerEvents({});
  const reading = (async () => {
    for await (const { containerEventType } of events)
      if (containerEventType === ContainerEventType.CONTAINER_STARTED_EVENT) break;
  })();
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandboxConfig("a") });
  await within(10_000, reading, "the events");
  await cri.runtime.removePodSandbox({ podSandboxId });
  await recorder.close();
  const ofStream = lines().filter(
    ({ call }) => call === lines().find(({ rpc }) => rpc === "GetContainerEvents")?.call,
  );
  assert.ok(ofStream.filter((line) => "message" in line).length >= 2);
  assert.deepEqual(untimed(ofStream).at(-1), { call: ofStream[0]?.call, end: "canceled" });
});

test("a stream that ends is finished, and a call that its caller aborts is canceled", async (t) => {
  const { cri, runtime, recorder, lines } = await recorded(t);
  await cri.lists.containers().collect();
  runtime.faults.delay("status", 60_000);
  await assert.rejects(cri.runtime.status({}, { signal: AbortSignal.abort("enough") }));
  const controller = new AbortController();
  const status = cri.runtime.status({}, { signal: controller.signal });
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(status, { reason: "aborted_by_caller" });
  await recorder.close();
  const ends = untimed(lines()).filter((line) => "end" in line);
  assert.deepEqual(ends, [
    { call: 1, end: "finished" },
    { call: 2, end: "canceled" },
  ]);
});

test("registry credentials are masked in requests, errors and the verbose info of a status", async (t) => {
  const info = JSON.stringify({
    registry: { configs: { "r.example": { auth: { username: "u", password: "hunter22" } } } },
  });
  const transport = memoryTransport({
    runtime: {
      status: () => ({
        status: { conditions: [{ type: "RuntimeReady" }, { type: "NetworkReady" }] },
        info: { config: info },
      }),
    },
    image: {
      pullImage({ auth }) {
        throw criError("registry_denied", `the registry refused ${auth?.username} with ${auth?.password}`);
      },
    },
  });
  const file = join(await tempFolder(t), "session.jsonl");
  const recorder = recording(transport, file);
  const cri = connect.through(recorder);
  const auth = { username: "hunter", password: "hunter2secret", identityToken: "token-1234" };
  await assert.rejects(cri.image.pullImage({ image: { image: "r.example/a" }, auth }));
  const { info: received } = await cri.runtime.status({ verbose: true });
  assert.equal(received.config, info, "the client's response is complete");
  await recorder.close();
  const text = readFileSync(file, "utf8");
  assert.doesNotMatch(text, /hunter2|token-1234/);
  assert.match(text, /"password":"\[redacted\]"/);
  assert.match(text, /\\"password\\":\\"\[redacted\]\\"/);
  assert.match(text, /the registry refused .* with \[redacted\]/);
});

test("maskFields masks more fields, and is in the header", async (t) => {
  const { cri, recorder, lines, file } = await recorded(t, { maskFields: ["runtime.v1.KeyValue.value"] });
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandboxConfig("a") });
  const config = {
    metadata: { name: "c" },
    image: { image: busybox },
    envs: [{ key: "TOKEN", value: Buffer.from("confidential") }],
  };
  await cri.runtime.createContainer({ podSandboxId, config, sandboxConfig: sandboxConfig("a") });
  await recorder.close();
  assert.deepEqual(lines()[0]?.maskFields, ["runtime.v1.KeyValue.value"]);
  const text = readFileSync(file, "utf8");
  assert.ok(!text.includes("confidential") && !text.includes(Buffer.from("confidential").toString("base64")));
  assert.ok(text.includes('"key":"TOKEN"'));
});

test("fields that the schema does not know are kept as bytes", async (t) => {
  // Field 1000, which VersionResponse does not have, beside its first four.
  const bytes = Buffer.concat([
    Buffer.from("0a0131120131", "hex"),
    Buffer.from("1a0131220276", "hex"),
    Buffer.from("31", "hex"),
    Buffer.from("c23e03", "hex"),
    Buffer.from("new"),
  ]);
  const transport = memoryTransport({ runtime: { version: () => bytes } });
  const file = join(await tempFolder(t), "session.jsonl");
  const recorder = recording(transport, file);
  await connect.through(recorder).runtime.version();
  await recorder.close();
  const response = linesOf(file).find((line) => "response" in line);
  assert.equal(Buffer.from(String(response?.bytes), "base64").includes("new"), true);
});

test("the file has its name when the recording is closed; calls after that are refused", async (t) => {
  const { cri, recorder, file } = await recorded(t);
  await cri.runtime.version();
  assert.deepEqual([existsSync(file), existsSync(`${file}.partial`)], [false, true]);
  await recorder.close();
  await recorder.close();
  assert.deepEqual([existsSync(file), existsSync(`${file}.partial`)], [true, false]);
  await assert.rejects(cri.runtime.version(), { reason: "client_closed" });
});

test("a file that cannot be written is refused at once", async (t) => {
  const { runtime } = await scripted(t);
  const folder = await tempFolder(t);
  assert.throws(() => recording(runtime.transport, join(folder, "missing", "a.jsonl")), {
    reason: "recording_failed",
    message: /missing\/a\.jsonl cannot be written: ENOENT/,
  });
});

test("a disk that is full fails the recording and no call", async (t) => {
  const { runtime } = await scripted(t);
  const folder = await tempFolder(t);
  // Writes to /dev/full fail with ENOSPC.
  symlinkSync("/dev/full", join(folder, "a.partial"));
  const recorder = recording(runtime.transport, join(folder, "a"));
  await connect.through(recorder).runtime.version();
  await assert.rejects(recorder.close(), { reason: "recording_failed", message: /ENOSPC/ });
});

test("over a socket, a call in flight when the recording is closed has no end", async (t) => {
  const folder = await tempFolder(t);
  const { runtime } = await scripted(t, { socket: join(folder, "cri.sock") });
  await using transport = createTransport(runtime.endpoint ?? "");
  const file = join(folder, "session.jsonl");
  const recorder = recording(transport, file);
  const cri = connect.through(recorder);
  runtime.faults.delay("status", 200);
  const status = cri.runtime.status();
  while (runtime.calls.total === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await recorder.close();
  await status;
  assert.deepEqual(untimed(linesOf(file).slice(1)), [{ call: 1, rpc: "Status", request: {} }]);
});
