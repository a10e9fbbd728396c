import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { connect } from "../../src/index.js";
import { policy, type RpcName } from "../../src/transport.js";
import { type CreateContainerRequest, CreateContainerRequestSchema } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { refusals } from "../support/preflight-refusals.js";
import { scripted } from "../support/scripted-transport.js";
import { legal } from "./preflight-legal.js";
import { idOf } from "./support.js";

test("every refusal names its field, and the request does not reach the transport", async () => {
  assert.ok(refusals.length > 50);
  const transport = scripted();
  const cri = connect.through({ transport, endpoint: "unix:///test.sock" });
  for (const { name, path, call } of refusals) {
    const error = await failure(call(cri), "invalid_request");
    assert.equal(error.code, "invalid_argument", name);
    const paths = error.problems.map((problem) => problem.path);
    assert.ok(paths.includes(path), `${name}: ${path} is not among ${paths}`);
    assert.ok(error.message.includes(path), name);
    assert.ok(error.method, name);
    assert.equal(error.endpoint, "unix:///test.sock", name);
  }
  assert.deepEqual(transport.calls, []);
});

test("preflight: false sends all of them", async () => {
  const transport = scripted();
  const cri = connect.through({ transport, preflight: false, normalize: false });
  for (const { call } of refusals) await call(cri);
  assert.equal(transport.calls.length, refusals.length);
});

test("one error lists every problem, with the value unless the field is missing", async () => {
  const { runtime } = connect.through(scripted());
  const error = await failure(
    runtime.createContainer({
      podSandboxId: "abc123",
      config: { logPath: "/../x", mounts: [{ hostPath: "/a" }, { containerPath: "/b", hostPath: "/a" }] },
      sandboxConfig: { metadata: {}, logDirectory: "logs" },
    }),
  );
  assert.deepEqual(
    error.problems.map(({ path }) => path),
    [
      "podSandboxId",
      "config.metadata",
      "config.image.image",
      "config.logPath",
      "config.logPath",
      "config.mounts[0].containerPath",
      "sandboxConfig.metadata.name",
      "sandboxConfig.metadata.namespace",
      "sandboxConfig.logDirectory",
    ],
  );
  const values = new Map(error.problems.map((problem) => [problem.path, problem]));
  assert.equal(values.get("podSandboxId")?.value, "abc123");
  assert.equal(values.get("sandboxConfig.logDirectory")?.value, "logs");
  assert.match(error.message, /podSandboxId: .*got "abc123"/);
  assert.match(error.message, /logDirectory: .*got "logs"/);
  const missing = values.get("config.metadata");
  assert.ok(missing && !("value" in missing), "a missing field has no value");
});

test("numbers and bigints are shown, too", async () => {
  const { runtime } = connect.through(scripted());
  const port = await failure(runtime.portForward({ podSandboxId: idOf("a"), port: [0, 80, -1, 65_536] }));
  assert.deepEqual(
    port.problems.map(({ path, value }) => [path, value]),
    [
      ["port[0]", 0],
      ["port[2]", -1],
      ["port[3]", 65_536],
    ],
  );
  const exec = await failure(runtime.execSync({ containerId: idOf("a"), cmd: ["ls"], timeout: -3n }));
  assert.match(exec.message, /timeout: .*got -3n/);
});

const reads =
  /^(version|status|runtimeConfig|list|stream|getContainerEvents|imageStatus|imageFsInfo)|Stat(us|s)$/;
const mutating = (Object.keys(policy) as RpcName[]).filter((name) => !reads.test(name));

test("complete, legal requests pass, for every RPC that changes something", async () => {
  assert.deepEqual(Object.keys(legal).sort(), mutating.sort());
  for (const [name, calls] of Object.entries(legal)) {
    const transport = scripted();
    const cri = connect.through({ transport, normalize: false });
    const results = calls(cri);
    await Promise.all(results);
    assert.deepEqual(
      transport.calls.map((call) => call.name),
      results.map(() => name),
    );
  }
});

test("reads accept id prefixes", async () => {
  const transport = scripted();
  const { runtime, image } = connect.through({ transport, normalize: false });
  await runtime.containerStatus({ containerId: "a" });
  await runtime.podSandboxStatus({ podSandboxId: "" });
  await image.imageStatus({});
  assert.equal(transport.calls.length, 3);
});

/** Returns the image of a CreateContainer as the transport receives it. */
async function imageSent(request: CreateContainerRequest, preflight = true) {
  const transport = scripted();
  await connect.through({ transport, normalize: false, preflight }).runtime.createContainer(request);
  const [call] = transport.calls;
  return (call?.message as CreateContainerRequest | undefined)?.config?.image;
}

test("an empty user_specified_image is filled in, a set one is kept, and the caller's message is not changed", async () => {
  const request = (userSpecifiedImage?: string) =>
    create(CreateContainerRequestSchema, {
      podSandboxId: idOf("a"),
      config: {
        metadata: { name: "web" },
        image: { image: "sha256:abc", ...(userSpecifiedImage ? { userSpecifiedImage } : {}) },
      },
      sandboxConfig: { metadata: { name: "pod", namespace: "default" } },
    });
  const empty = request();
  assert.equal((await imageSent(empty))?.userSpecifiedImage, "sha256:abc");
  assert.equal(empty.config?.image?.userSpecifiedImage, "");
  assert.equal((await imageSent(request("busybox:1")))?.userSpecifiedImage, "busybox:1");
  assert.equal((await imageSent(empty, false))?.userSpecifiedImage, "");
});
