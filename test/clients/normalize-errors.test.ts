import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "@connectrpc/connect";
import { type Cri, type CriErrorReason, connect } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { scripted } from "../support/scripted-transport.js";
import { cases, type ErrorCase } from "./error-cases.js";
import { idOf, runtimeError } from "./support.js";

const calls: Record<ErrorCase["rpc"], (cri: Cri) => Promise<unknown>> = {
  version: ({ runtime }) => runtime.version(),
  runtimeConfig: ({ runtime }) => runtime.runtimeConfig(),
  runPodSandbox: ({ runtime }) =>
    runtime.runPodSandbox({ config: { metadata: { name: "n", namespace: "n" } } }),
  portForward: ({ runtime }) => runtime.portForward({ podSandboxId: idOf("a"), port: [80] }),
  createContainer: ({ runtime }) =>
    runtime.createContainer({
      podSandboxId: idOf("a"),
      config: { metadata: { name: "c" }, image: { image: "i" } },
      sandboxConfig: { metadata: { name: "n", namespace: "n" } },
    }),
  startContainer: ({ runtime }) => runtime.startContainer({ containerId: idOf("a") }),
  containerStatus: ({ runtime }) => runtime.containerStatus({ containerId: "a" }),
  containerStats: ({ runtime }) => runtime.containerStats({ containerId: "a" }),
  podSandboxStats: ({ runtime }) => runtime.podSandboxStats({ podSandboxId: "a" }),
  listPodSandboxStats: ({ runtime }) => runtime.listPodSandboxStats(),
  listContainers: ({ runtime }) => runtime.listContainers(),
  execSync: ({ runtime }) => runtime.execSync({ containerId: idOf("a"), cmd: ["x"], timeout: 1n }),
  exec: ({ runtime }) => runtime.exec({ containerId: idOf("a"), cmd: ["x"], stdout: true }),
  removeImage: ({ image }) => image.removeImage({ image: { image: "i" } }),
  imageStatus: ({ image }) => image.imageStatus({ image: { image: "i" } }),
  pullImage: ({ image }) => image.pullImage({ image: { image: "i" } }),
};

const nameOf = (code: Code) => Code[code].replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
const retry = { attempts: 1 };

test("errors of all runtimes are normalized, and wireCode keeps the runtime's own code", async () => {
  for (const {
    rpc,
    reported: [wire, text],
    code,
    reason,
    existingId,
  } of cases) {
    const transport = scripted(() => {
      throw runtimeError(wire, text);
    });
    const error = await failure(calls[rpc](connect.through({ transport, retry })));
    const { wireCode, method, endpoint } = error;
    assert.deepEqual(
      {
        rpc,
        text: error.rawMessage,
        code: error.code,
        reason: error.reason,
        existingId: error.existingId,
        wireCode,
      },
      { rpc, text, code, reason, existingId, wireCode: nameOf(wire) },
    );
    assert.equal(
      method,
      rpc.replace(/^./, (letter) => letter.toUpperCase()),
    );
    assert.equal(endpoint, "custom transport");
  }
});

test("normalize: false keeps the runtime's own code", async () => {
  for (const {
    rpc,
    reported: [wire, text],
  } of cases) {
    const transport = scripted(() => {
      throw runtimeError(wire, text);
    });
    const error = await failure(calls[rpc](connect.through({ transport, retry, normalize: false })));
    assert.deepEqual(
      [error.code, error.reason, error.rawMessage, error.wireCode],
      [nameOf(wire), "runtime_error", text, undefined],
    );
  }
});

test("an error without a rule is not changed", async () => {
  for (const [rpc, wire, text] of [
    [
      "runPodSandbox",
      Code.Unknown,
      "failed to create containerd task: OCI runtime create failed: bad sysctl",
    ],
    ["startContainer", Code.Aborted, "something new"],
    ["pullImage", Code.FailedPrecondition, "something new"],
    // The words of a registry in the error of another RPC.
    ["containerStatus", Code.Unknown, "denied by a plugin"],
    ["version", Code.Unavailable, "overloaded"],
    // A command whose container ended, and a mount that cannot be made: no command failed to start.
    ["execSync", Code.Unknown, "command error: EOF, stdout: , stderr: , exit code -1"],
    ["createContainer", Code.Unknown, "failed to mount /x: /x is not a regular file"],
    // A pull that fails because of the node, with words that registries use, too.
    ["pullImage", Code.Unknown, "failed to extract layer sha256:1: mount: mkdir /x: permission denied"],
    ["pullImage", Code.Unknown, "failed to unpack: mkdir /var/lib/x: permission denied"],
    ["pullImage", Code.Unknown, 'exec: "unpigz": executable file not found in $PATH'],
    ["pullImage", Code.NotFound, "parent snapshot sha256:1 does not exist: not found"],
    ["pullImage", Code.Unknown, "writing blob: adding layer with blob: open /x: permission denied"],
  ] as const) {
    const transport = scripted(() => {
      throw runtimeError(wire, text);
    });
    const error = await failure(calls[rpc](connect.through({ transport, retry })), "runtime_error");
    assert.deepEqual([error.code, error.rawMessage, error.wireCode], [nameOf(wire), text, undefined]);
  }
});

const removals: readonly (readonly [string, (cri: Cri) => Promise<unknown>])[] = [
  ["stopPodSandbox", ({ runtime }) => runtime.stopPodSandbox({ podSandboxId: idOf("a") })],
  ["removePodSandbox", ({ runtime }) => runtime.removePodSandbox({ podSandboxId: idOf("a") })],
  ["stopContainer", ({ runtime }) => runtime.stopContainer({ containerId: idOf("a") })],
  ["removeContainer", ({ runtime }) => runtime.removeContainer({ containerId: idOf("a") })],
  ["removeImage", ({ image }) => image.removeImage({ image: { image: "i" } })],
];

test("stopping and removing a missing object succeeds", async () => {
  const transport = scripted(() => {
    throw runtimeError(Code.NotFound, "an error occurred when try to find it: not found");
  });
  for (const [name, call] of removals) {
    const answer = (await call(connect.through(transport))) as { readonly $typeName: string };
    assert.match(answer.$typeName, /^runtime\.v1\.\w+Response$/, name);
    assert.equal((await failure(call(connect.through({ transport, normalize: false })))).code, "not_found");
  }
});

test("stopping and removing fails for an ambiguous id and for other errors", async () => {
  for (const [wire, text, reason] of [
    // CRI-O's code for an ambiguous prefix, with which it removes nothing.
    [Code.NotFound, "Multiple IDs found with provided prefix: abc", "ambiguous_id"],
    [Code.Unknown, "device or resource busy", "runtime_error"],
    [Code.Unknown, "container is not running", "wrong_state"],
  ] as const) {
    const transport = scripted(() => {
      throw runtimeError(wire, text);
    });
    for (const [, call] of removals) await failure(call(connect.through(transport)), reason);
  }
});

test("the timeout of ExecSync is exec_timeout on containerd and on CRI-O", async () => {
  const answer = (exitCode: number, stderr: string) => () => ({ exitCode, stderr: Buffer.from(stderr) });
  const containerd = () => {
    throw runtimeError(Code.DeadlineExceeded, "timeout 1s exceeded: context deadline exceeded");
  };
  for (const script of [containerd, answer(-1, "command timed out"), answer(-1, "command timed out\n")]) {
    const error = await failure(calls.execSync(connect.through(scripted(script))), "exec_timeout");
    assert.equal(error.code, "deadline_exceeded");
    assert.equal(error.method, "ExecSync");
  }
  for (const script of [
    answer(-1, "something else"),
    answer(-1, "grep: command timed out"),
    answer(1, "command timed out"),
    answer(137, ""),
  ]) {
    const { exitCode } = (await calls.execSync(connect.through(scripted(script)))) as { exitCode: number };
    assert.equal(exitCode, script().exitCode);
  }
  const raw = connect.through({ transport: scripted(answer(-1, "command timed out")), normalize: false });
  assert.equal(((await calls.execSync(raw)) as { exitCode: number }).exitCode, -1);
});

test("hints name the next step", async () => {
  for (const [text, wire, reason, hint] of [
    ["unknown method RuntimeConfig", Code.Unimplemented, "unimplemented", /features\(\)/],
    ["unknown service runtime.v1.RuntimeService", Code.Unimplemented, "wrong_api_version", /CRI v1/],
    ["grpc: received message larger than max (1 vs. 0)", Code.ResourceExhausted, "runtime_limit", /filter/],
    [`"a" is reserved for "${idOf("b")}"`, Code.Unknown, "name_reserved", /adopt/],
  ] as const satisfies readonly (readonly [string, Code, CriErrorReason, RegExp])[]) {
    const transport = scripted(() => {
      throw runtimeError(wire, text);
    });
    const error = await failure(connect.through({ transport, retry }).runtime.runtimeConfig(), reason);
    assert.match(error.hint ?? "", hint);
    assert.match(error.message, hint);
  }
});
