// Failures that a runtime reports only on the stream, as callers of the client see them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:http";
import { connect as connectTcp } from "node:net";
import { type TestContext, test } from "node:test";
import type { Cri, PortForward } from "../../src/index.js";
import { createStreamingServer } from "../../src/server/index.js";
import type { StreamingTransport } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { busybox, scripted, start } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { transports } from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

const boundMs = 30_000;
const likes = ["containerd-1.7", "containerd-2.1", "cri-o"] as const;

/** Texts that runtimes send on a stream: the reason for exec and attach, and the one for port-forward. */
const texts: readonly [text: string, ofCommand: string, ofPort: string][] = [
  ["container is not created or running", "wrong_state", "wrong_state"],
  ["container is in CONTAINER_EXITED state", "wrong_state", "wrong_state"],
  ["sandbox container is not running", "wrong_state", "wrong_state"],
  ["pod sandbox x is not in ready state", "wrong_state", "wrong_state"],
  ["sandbox was stopped", "wrong_state", "wrong_state"],
  ['network namespace for sandbox "x" is closed', "wrong_state", "wrong_state"],
  ["network namespace path of sandbox x is empty", "wrong_state", "wrong_state"],
  ["could not find container x", "object_missing", "object_missing"],
  ["could not find sandbox x", "object_missing", "object_missing"],
  ["PodSandbox with ID starting with x not found: x", "object_missing", "object_missing"],
  ["no such container", "object_missing", "object_missing"],
  ['failed to start exec "x": executable file not found in $PATH', "exec_not_started", "connection_lost"],
  ["executable file `x` not found in $PATH", "exec_not_started", "connection_lost"],
  ["the path `/etc/passwd` exists but it is not executable", "exec_not_started", "connection_lost"],
  ["the path `/etc` is not a regular file", "exec_not_started", "connection_lost"],
  ["exec /x: exec format error", "exec_not_started", "connection_lost"],
  ["chdir to cwd: permission denied", "exec_not_started", "connection_lost"],
  ["exec: args must not be empty", "exec_not_started", "connection_lost"],
  ['command error: level=error msg="x"\n, exit code -1', "exec_not_started", "connection_lost"],
  ["failed to copy: unexpected EOF", "runtime_error", "connection_lost"],
  ["dial tcp4 127.0.0.1:80: connect: connection refused", "runtime_error", "port_refused"],
  ["dial tcp6 [::1]:80: connect: cannot assign requested address", "runtime_error", "port_refused"],
  ["dial tcp4 127.0.0.1:80: connect: no route to host", "runtime_error", "port_refused"],
];

/** Starts a streaming server whose sessions all fail with a text, and returns options that lead a session to it. */
async function failing(t: TestContext, transport: StreamingTransport) {
  let text = "";
  const fail = () => Promise.reject(new Error(text));
  const server = await createStreamingServer({ exec: fail, attach: fail, portForward: fail });
  cleanup(t, () => within(boundMs, server.close()));
  const to = (url: () => string) => ({ transport, rewriteUrl: url, timeoutMs: boundMs });
  const command = { containerId: "c", stdout: true, stderr: true };
  return {
    set(value: string) {
      text = value;
    },
    exec: to(() => server.exec({ ...command, cmd: ["x"] }).url),
    attach: to(() => server.attach(command).url),
    portForward: to(() => server.portForward({ podSandboxId: "p", port: [80] }).url),
  };
}

for (const like of likes)
  for (const transport of transports)
    test(`${like}, ${transport}: the reasons of texts on streams`, async (t) => {
      const { cri } = await scripted(t, { like });
      const { podSandboxId, containerId } = await start(cri, ["run"]);
      const server = await failing(t, transport);
      await using ports = cri.portForward(podSandboxId, { ...server.portForward, refusalWaitMs: boundMs });
      for (const [text, ofCommand, ofPort] of texts) {
        server.set(text);
        const session = await cri.exec(containerId, ["x"], server.exec);
        const attached = await cri.attach(containerId, server.attach);
        const reasons = [
          (await failure(within(boundMs, session.ended))).reason,
          (await failure(within(boundMs, attached.ended))).reason,
          (await failure(within(boundMs, cri.runCommand(containerId, ["x"], server.exec)))).reason,
          (await failure(within(boundMs, ports.connect(80)))).reason,
          (await failure(within(boundMs, ports.fetch(80, "/")))).reason,
        ];
        assert.deepEqual(reasons, [ofCommand, ofCommand, ofCommand, ofPort, ofPort], text);
      }
    });

/** Returns the reasons with which all methods of a port-forward fail. */
async function forwardReasons(ports: PortForward): Promise<unknown[]> {
  const read = async () => {
    const connection = await ports.connect(80);
    for await (const _ of connection);
  };
  const request = () =>
    new Promise((resolve, reject) =>
      get({ agent: ports.agent, port: 80, path: "/" }, resolve).once("error", reject),
    );
  const errors: unknown[] = [];
  await using local = await ports.listen(80, { port: 0, onError: (error) => errors.push(error) });
  const client = connectTcp(local.port, "127.0.0.1").on("error", () => undefined);
  await within(boundMs, once(client.resume(), "close"));
  const failures = [
    await failure(within(boundMs, read())),
    await failure(within(boundMs, ports.fetch(80, "/"))),
    await failure(within(boundMs, ports.fetch(80, "/", { portWaitMs: boundMs }))),
    await failure(within(boundMs, request())),
    errors[0] as { readonly reason: string },
  ];
  return [...new Set(failures.map(({ reason }) => reason))];
}

for (const like of likes)
  for (const transport of transports)
    for (const mode of transport === "spdy" ? (["isolated", "pooled"] as const) : (["isolated"] as const))
      test(`${like}, ${transport}, ${mode}: port-forward to a stopped and to a missing pod`, async (t) => {
        const { cri } = await scripted(t, { like });
        const { podSandboxId } = await start(cri, ["run"]);
        await using ports = cri.portForward(podSandboxId, { transport, mode });
        await cri.runtime.stopPodSandbox({ podSandboxId });
        assert.deepEqual(await forwardReasons(ports), ["wrong_state"]);
        await cri.runtime.removePodSandbox({ podSandboxId });
        assert.deepEqual(await forwardReasons(ports), ["object_missing"]);
      });

test("port-forward to a stopped pod whose connections are cut off", async (t) => {
  const { cri } = await scripted(t, { like: "cri-o" });
  const { podSandboxId } = await start(cri, ["run"]);
  await cri.runtime.stopPodSandbox({ podSandboxId });
  const server = await createStreamingServer({
    async portForward({ connection }) {
      connection.destroy();
    },
  });
  cleanup(t, () => within(boundMs, server.close()));
  const rewriteUrl = () => server.portForward({ podSandboxId: "p", port: [80] }).url;
  for (const mode of ["isolated", "pooled"] as const) {
    await using ports = cri.portForward(podSandboxId, { mode, rewriteUrl });
    assert.deepEqual(await forwardReasons(ports), ["wrong_state"]);
  }
});

for (const transport of transports)
  test(`cri-o, ${transport}: exec and attach in an exited container`, async (t) => {
    const { cri, runtime } = await scripted(t, { like: "cri-o" });
    const { containerId } = await start(cri, ["exit", "0"]);
    await exited(cri, containerId);
    const session = await cri.exec(containerId, ["x"], { transport });
    assert.equal((await failure(within(boundMs, session.ended))).reason, "wrong_state");
    const attached = await cri.attach(containerId, { transport });
    assert.equal((await failure(within(boundMs, attached.ended))).reason, "wrong_state");
    assert.equal((await failure(cri.runCommand(containerId, ["x"], { transport }))).reason, "wrong_state");
    assert.equal(runtime.calls.of("exec").length, 2, "the RPC succeeds");
  });

test("a connection that the port ends without a byte stays a normal end", async (t) => {
  const { cri, runtime } = await scripted(t, {
    like: "cri-o",
    programs: {
      async close({ listen, clock }) {
        void listen(80, (connection) => connection.resume().end());
        await clock.sleep(3_600_000);
      },
    },
    preload: [busybox],
  });
  const { podSandboxId } = await start(cri, ["close"]);
  await using ports = cri.portForward(podSandboxId);
  const connection = await ports.connect(80);
  let bytes = 0;
  for await (const part of connection) bytes += part.length;
  assert.equal(bytes, 0);
  assert.equal(runtime.calls.of("podSandboxStatus").length, 1);
  // Without a response it is a failure of an HTTP request.
  assert.equal((await failure(ports.fetch(80, "/"))).reason, "connection_lost");
});

test("a status that does not arrive delays the end of a connection by seconds only", async (t) => {
  const { cri, runtime } = await scripted(t, { like: "cri-o" });
  const { podSandboxId } = await start(cri, ["run"]);
  await cri.runtime.stopPodSandbox({ podSandboxId });
  runtime.faults.delay("podSandboxStatus", 600_000);
  await using ports = cri.portForward(podSandboxId);
  const error = await failure(within(boundMs, ports.fetch(80, "/")));
  assert.equal(error.reason, "connection_lost");
});

async function exited(cri: Cri, containerId: string): Promise<void> {
  await within(
    boundMs,
    (async () => {
      while ((await cri.runtime.containerStatus({ containerId })).status?.finishedAt === 0n)
        await new Promise(setImmediate);
    })(),
  );
}
