import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cri, connect } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { scripted } from "../support/scripted-transport.js";
import { idOf } from "./support.js";

type Call = (cri: Cri) => Promise<unknown>;

const metadata = { name: "n", namespace: "n" };
const id = idOf("a");

/** The response fields, the call, and the fields that the error must name; none for a valid response. */
const answers: readonly (readonly [string, object, Call, readonly string[]])[] = [
  ["Version", {}, ({ runtime }) => runtime.version(), ["runtimeName", "runtimeVersion", "runtimeApiVersion"]],
  ["Status", {}, ({ runtime }) => runtime.status(), ["status"]],
  ["RunPodSandbox", {}, ({ runtime }) => runtime.runPodSandbox({ config: { metadata } }), ["podSandboxId"]],
  [
    "CreateContainer",
    {},
    ({ runtime }) =>
      runtime.createContainer({
        podSandboxId: id,
        config: { metadata: { name: "c" }, image: { image: "i" } },
        sandboxConfig: { metadata },
      }),
    ["containerId"],
  ],
  ["PodSandboxStatus", {}, ({ runtime }) => runtime.podSandboxStatus({ podSandboxId: id }), ["status"]],
  [
    "PodSandboxStatus",
    { status: {} },
    ({ runtime }) => runtime.podSandboxStatus({ podSandboxId: id }),
    ["status.id", "status.metadata", "status.createdAt"],
  ],
  [
    "PodSandboxStatus",
    { status: { id, metadata, createdAt: 1n } },
    ({ runtime }) => runtime.podSandboxStatus({ podSandboxId: id }),
    [],
  ],
  [
    "PodSandboxStatus",
    { status: { id, metadata, state: 1, createdAt: -6795364578871345152n } },
    ({ runtime }) => runtime.podSandboxStatus({ podSandboxId: id }),
    [],
  ],
  [
    "ContainerStatus",
    { status: { id, metadata, state: 3 } },
    ({ runtime }) => runtime.containerStatus({ containerId: id }),
    [],
  ],
  ["ContainerStatus", {}, ({ runtime }) => runtime.containerStatus({ containerId: id }), ["status"]],
  [
    "ContainerStatus",
    { status: { id, createdAt: 5n } },
    ({ runtime }) => runtime.containerStatus({ containerId: id }),
    ["status.metadata"],
  ],
  ["ListContainers", { containers: [] }, ({ runtime }) => runtime.listContainers(), []],
  [
    "ListContainers",
    { containers: [{ id }, {}, {}] },
    ({ runtime }) => runtime.listContainers(),
    ["containers[1].id"],
  ],
  ["ListPodSandbox", { items: [{}] }, ({ runtime }) => runtime.listPodSandbox(), ["items[0].id"]],
  ["Exec", {}, ({ runtime }) => runtime.exec({ containerId: id, cmd: ["sh"], stdout: true }), ["url"]],
  ["Attach", {}, ({ runtime }) => runtime.attach({ containerId: id, stdout: true }), ["url"]],
  ["PortForward", {}, ({ runtime }) => runtime.portForward({ podSandboxId: id, port: [80] }), ["url"]],
  [
    "RestorePod",
    {},
    ({ runtime }) => runtime.restorePod({ checkpointPath: "/x", config: { metadata } }),
    ["podSandboxId"],
  ],
  ["ContainerStats", {}, ({ runtime }) => runtime.containerStats({ containerId: id }), []],
  ["PullImage", {}, ({ image }) => image.pullImage({ image: { image: "i" } }), ["imageRef"]],
  ["ImageStatus", {}, ({ image }) => image.imageStatus({ image: { image: "i" } }), []],
  ["ImageStatus", { image: {} }, ({ image }) => image.imageStatus({ image: { image: "i" } }), ["image.id"]],
  ["ListImages", { images: [{ id }, {}] }, ({ image }) => image.listImages(), ["images[1].id"]],
];

test("a response without the fields that CRI requires fails with invalid_response, which lists all of them", async () => {
  for (const [method, fields, call, paths] of answers) {
    const transport = scripted(() => fields);
    if (paths.length === 0) {
      await call(connect.through(transport));
      continue;
    }
    const error = await failure(call(connect.through(transport)), "invalid_response");
    assert.equal(error.code, "internal");
    assert.deepEqual([error.method, ...error.problems.map(({ path }) => path)], [method, ...paths]);
    for (const path of paths) assert.ok(error.message.includes(path), error.message);
    assert.equal(transport.calls.length, 1, "the call took effect, so it is not retried");
  }
});

test("normalize: false returns such responses unchanged", async () => {
  for (const [, fields, call] of answers)
    await call(connect.through({ transport: scripted(() => fields), normalize: false }));
});

test("messages of a stream are checked in the same way", async () => {
  const transport = scripted(() => [{ containerId: id }, {}]);
  const seen: string[] = [];
  const read = async (cri: Cri) => {
    for await (const event of cri.runtime.getContainerEvents()) seen.push(event.containerId);
  };
  const error = await failure(read(connect.through(transport)), "invalid_response");
  assert.deepEqual(
    [error.method, error.problems.map(({ path }) => path), seen],
    ["GetContainerEvents", ["containerId"], [id]],
  );
  await read(connect.through({ transport, normalize: false }));
  assert.deepEqual(seen, [id, id, ""]);
});
