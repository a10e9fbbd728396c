import assert from "node:assert/strict";
import { test } from "node:test";
import { type CallOptions, type Cri, connect, policy } from "../../src/index.js";
import { ImageService, RuntimeService } from "../../src/v1.js";
import { failure, idOf, scripted } from "./support.js";

const minutes = (n: number) => n * 60_000;

/** The deadline that the transport was given. */
async function deadlineOf(call: (cri: Cri) => unknown): Promise<number | undefined> {
  const transport = scripted();
  const result = call(connect.through({ transport, normalize: false, preflight: false }));
  if (result instanceof Promise) await result;
  else for await (const _ of result as AsyncIterable<unknown>);
  assert.equal(transport.calls.length, 1);
  return transport.calls[0]?.timeoutMs;
}

test("every RPC of the two services has a line, and no other has", () => {
  const rpcs = [...RuntimeService.methods, ...ImageService.methods].map(({ localName }) => localName);
  assert.deepEqual(Object.keys(policy).sort(), rpcs.sort());
});

test("what CRI does not promise to be idempotent is never repeated", () => {
  const never = Object.entries(policy).filter(([, { retry }]) => retry === "never");
  assert.deepEqual(never.map(([name]) => name).sort(), [
    "checkpointContainer",
    "checkpointPod",
    "createContainer",
    "execSync",
    "getContainerEvents",
    "pullImage",
    "restorePod",
    "runPodSandbox",
    "startContainer",
    "updateContainerResources",
    "updatePodSandboxResources",
    "updateRuntimeConfig",
  ]);
});

test("default deadlines are the kubelet's", async () => {
  const containerId = idOf("a");
  const stop = (timeout: bigint) => (cri: Cri) => cri.runtime.stopContainer({ containerId, timeout });
  const exec = (timeout: bigint) => (cri: Cri) => cri.runtime.execSync({ containerId, timeout });
  const checkpoint = (timeout: bigint) => (cri: Cri) =>
    cri.runtime.checkpointContainer({ containerId, timeout });
  for (const [name, call, expected] of [
    ["Version", (cri: Cri) => cri.runtime.version(), minutes(2)],
    ["CreateContainer", (cri: Cri) => cri.runtime.createContainer({}), minutes(2)],
    ["ListImages", (cri: Cri) => cri.image.listImages(), minutes(2)],
    ["StreamContainers", (cri: Cri) => cri.runtime.streamContainers(), minutes(2)],
    ["RunPodSandbox", (cri: Cri) => cri.runtime.runPodSandbox({}), minutes(4)],
    ["StopContainer at once", stop(0n), minutes(2)],
    ["StopContainer in 30 s", stop(30n), minutes(2) + 30_000],
    ["StopContainer without a grace", stop(-1n), minutes(2)],
    ["ExecSync of 10 s", exec(10n), minutes(2) + 10_000],
    ["ExecSync for ever", exec(0n), undefined],
    ["CheckpointContainer in 10 s", checkpoint(10n), minutes(2)],
    ["CheckpointContainer in 10 min", checkpoint(600n), minutes(10)],
    ["PullImage", (cri: Cri) => cri.image.pullImage({}), undefined],
    ["GetContainerEvents", (cri: Cri) => cri.runtime.getContainerEvents(), undefined],
  ] as const)
    assert.equal(await deadlineOf(call), expected, name);
});

test("timeoutMs replaces the default; 0 and Infinity are none", async () => {
  for (const [timeoutMs, expected] of [
    [7, 7],
    [0.25, 1],
    [0, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [undefined, minutes(2)],
  ] as const) {
    assert.equal(await deadlineOf(({ runtime }) => runtime.version({}, { timeoutMs })), expected);
    assert.equal(await deadlineOf(({ runtime }) => runtime.execSync({ timeout: 0n }, { timeoutMs: 9 })), 9);
  }
  assert.equal(await deadlineOf(({ image }) => image.pullImage({}, { timeoutMs: 9 })), 9);
  assert.equal(await deadlineOf(({ runtime }) => runtime.getContainerEvents({}, { timeoutMs: 9 })), 9);
});

test("a negative timeoutMs, or none that is a number, is invalid_option before anything is sent", async () => {
  const transport = scripted();
  const { runtime, lists } = connect.through(transport);
  const calls: readonly ((options: CallOptions) => Promise<unknown>)[] = [
    (options) => runtime.version({}, options),
    (options) => runtime.getContainerEvents({}, options).next(),
    (options) => lists.containers({}, options).collect(),
    (options) => lists.containers({}, options)[Symbol.asyncIterator]().next(),
  ];
  for (const timeoutMs of [-1, Number.NaN, "5s" as unknown as number])
    for (const call of calls) {
      const error = await failure(call({ timeoutMs }), "invalid_option");
      assert.equal(error.code, "invalid_argument");
      assert.deepEqual(
        error.problems.map(({ path }) => path),
        ["timeoutMs"],
      );
    }
  assert.deepEqual(transport.calls, []);
});
