import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "@connectrpc/connect";
import { connect } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { type SeenCall, scripted } from "../support/scripted-transport.js";
import { idOf, runtimeError } from "./support.js";

const version = { runtimeName: "containerd", runtimeVersion: "1.6.20~ds1", runtimeApiVersion: "v1" };
const missing = new Set(["runtimeConfig", "streamContainers", "checkpointPod"]);

/** A runtime with the two RPCs of features(), and without those above. */
function runtimeOf(answers: Record<string, unknown>, unimplemented: ReadonlySet<string> = missing) {
  return scripted(({ name }: SeenCall) => {
    if (unimplemented.has(name)) throw runtimeError(Code.Unimplemented, `unknown method ${name}`);
    return answers[name];
  });
}

test("features() of an old runtime returns its name and version only", async () => {
  const cri = connect.through(runtimeOf({ version, status: { status: {} } }));
  assert.deepEqual(await cri.features(), {
    name: "containerd",
    version: "1.6.20~ds1",
    apiVersion: "v1",
    handlers: [],
    supplementalGroupsPolicy: false,
    userNamespacesHostNetwork: false,
    mountOptions: false,
    unimplemented: [],
  });
});

test("features() of a new runtime returns its handlers and features", async () => {
  const status = {
    status: {},
    runtimeHandlers: [
      { name: "" },
      { name: "runc", features: { recursiveReadOnlyMounts: true, userNamespaces: true } },
    ],
    features: { supplementalGroupsPolicy: true },
  };
  const info = await connect.through(runtimeOf({ version, status })).features();
  assert.deepEqual(info.handlers, [
    { name: "", recursiveReadOnlyMounts: false, userNamespaces: false },
    { name: "runc", recursiveReadOnlyMounts: true, userNamespaces: true },
  ]);
  assert.deepEqual(
    [info.supplementalGroupsPolicy, info.userNamespacesHostNetwork, info.mountOptions],
    [true, false, false],
  );
  assert.ok(Object.isFrozen(info));
});

test("RPCs that were found missing are remembered, and forgotten when the version changes", async () => {
  for (const normalize of [true, false]) {
    const answers: Record<string, unknown> = { version, status: { status: {} } };
    const cri = connect.through({ transport: runtimeOf(answers), normalize });
    assert.deepEqual((await cri.features()).unimplemented, []);
    await failure(cri.runtime.runtimeConfig());
    await failure(cri.runtime.checkpointPod({ podSandboxId: idOf("a"), outputPath: "/x" }));
    await failure(cri.runtime.checkpointPod({ podSandboxId: idOf("a"), outputPath: "/x" }));
    await cri.lists.containers().collect();
    const expected = ["checkpointPod", "runtimeConfig", "streamContainers"];
    assert.deepEqual((await cri.features()).unimplemented, expected);
    assert.deepEqual((await cri.features()).unimplemented, expected);
    answers.version = { ...version, runtimeVersion: "2.1.9" };
    const upgraded = await cri.features();
    assert.deepEqual([upgraded.version, upgraded.unimplemented], ["2.1.9", []]);
  }
});

test("wrong_api_version does not mark an RPC as missing", async () => {
  const transport = scripted(({ name }) => {
    if (name === "runtimeConfig")
      throw runtimeError(Code.Unimplemented, "unknown service runtime.v1.RuntimeService");
    return { version, status: { status: {} } }[name as "version" | "status"];
  });
  const cri = connect.through(transport);
  await failure(cri.runtime.runtimeConfig(), "wrong_api_version");
  assert.deepEqual((await cri.features()).unimplemented, []);
});

test("features() accepts call options, and fails as its two calls do", async () => {
  const transport = runtimeOf({ version, status: { status: {} } });
  await connect.through(transport).features({ timeoutMs: 5_000, headers: { a: "1" } });
  assert.deepEqual(transport.calls.map(({ name, timeoutMs }) => [name, timeoutMs]).sort(), [
    ["status", 5_000],
    ["version", 5_000],
  ]);
  const silent = connect.through(runtimeOf({ version }));
  assert.equal((await failure(silent.features(), "invalid_response")).method, "Status");
});
