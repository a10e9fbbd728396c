import assert from "node:assert/strict";
import { test } from "node:test";
import { rpcs } from "../../src/clients/rpcs.js";
import { type CallOptions, type Cri, connect } from "../../src/index.js";
import { policy, type RpcName } from "../../src/transport.js";
import { ImageService, RuntimeService } from "../../src/v1.js";
import { readPage } from "../support/docs/pages.js";
import { failure } from "../support/failure.js";
import { scripted } from "../support/scripted-transport.js";
import { idOf } from "./support.js";

const names = Object.keys(rpcs) as RpcName[];
const minutes = (n: number) => n * 60_000;

/** Returns the deadline that the transport received. */
async function deadlineOf(call: (cri: Cri) => unknown): Promise<number | undefined> {
  const transport = scripted();
  const result = call(connect.through({ transport, normalize: false, preflight: false }));
  if (result instanceof Promise) await result;
  else for await (const _ of result as AsyncIterable<unknown>);
  assert.equal(transport.calls.length, 1);
  return transport.calls[0]?.timeoutMs;
}

test("every RPC of the two services has a row, and no other method", () => {
  const methods = [...RuntimeService.methods, ...ImageService.methods].map(({ localName }) => localName);
  assert.deepEqual(Object.keys(policy).sort(), methods.sort());
});

test("RPCs that CRI does not require to be idempotent are never retried", () => {
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

test("the default deadlines are the kubelet's", async () => {
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
    ["StopContainer with a negative timeout", stop(-1n), minutes(2)],
    ["ExecSync of 10 s", exec(10n), minutes(2) + 10_000],
    ["ExecSync without a timeout", exec(0n), undefined],
    ["CheckpointContainer in 10 s", checkpoint(10n), minutes(2)],
    ["CheckpointContainer in 10 min", checkpoint(600n), minutes(10)],
    ["PullImage", (cri: Cri) => cri.image.pullImage({}), undefined],
    ["GetContainerEvents", (cri: Cri) => cri.runtime.getContainerEvents(), undefined],
  ] as const)
    assert.equal(await deadlineOf(call), expected, name);
});

test("timeoutMs replaces the default; 0 and Infinity mean no deadline", async () => {
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

test("a negative or non-numeric timeoutMs is invalid_option, and nothing is sent", async () => {
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
      const error = await failure(Promise.resolve({ timeoutMs }).then(call), "invalid_option");
      assert.equal(error.code, "invalid_argument");
      assert.deepEqual(
        error.problems.map(({ path }) => path),
        ["timeoutMs"],
      );
    }
  assert.deepEqual(transport.calls, []);
});

test("every Stream* RPC is the twin of exactly one List* RPC, and no runtime has the twin only", () => {
  const twins = names.flatMap((name) => rpcs[name].streamTwin ?? []);
  assert.deepEqual(twins.sort(), names.filter((name) => name.startsWith("stream")).sort());
  for (const name of names) {
    const { streamTwin, lackedBy } = rpcs[name];
    if (!streamTwin) continue;
    assert.match(name, /^list/);
    assert.deepEqual(
      lackedBy.filter((runtime) => !rpcs[streamTwin].lackedBy.includes(runtime)),
      [],
      name,
    );
  }
});

test("the runtimes that lack an RPC are those of docs/runtimes.md, which a run on real ones wrote", () => {
  const rows = [
    ...readPage("docs/runtimes.md").matchAll(
      /^\| (\w+) \| ([^|\n]+) \| ([^|\n]+) \| ([^|\n]+) \| [^|\n]+ \|$/gm,
    ),
  ];
  const [head = { columns: [] }, ...cells] = rows.map(([, name = "", ...columns]) => ({
    name,
    columns: columns.slice(0, 3),
  }));
  assert.deepEqual(head.columns, ["containerd-1.6", "containerd-1.7", "containerd-2.1"]);
  const listed = new Map(cells.map(({ name, columns }) => [name, columns]));
  assert.equal(listed.size, names.length, "every RPC has a row in docs/runtimes.md");
  for (const { name, localName } of [...RuntimeService.methods, ...ImageService.methods]) {
    const missing: string[] = head.columns.filter(
      (_, index) => listed.get(name)?.[index] === "Unimplemented",
    );
    const { lackedBy } = rpcs[localName as RpcName];
    assert.deepEqual(
      lackedBy.filter((runtime) => runtime.startsWith("containerd")),
      missing,
      name,
    );
  }
});
