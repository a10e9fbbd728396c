// Programs of users of the package, as texts.

/** Calls a runtime in this process, and uses every dependency that is loaded on first use. */
export const consumer = `
import { Buffer } from "node:buffer";
import { strict as assert } from "node:assert";
import { create, toJson } from "@bufbuild/protobuf";
import { connect, isCriError } from "cri-sdk";
import { parseSandboxConfig } from "cri-sdk/crictl";
import { parseLogLine } from "cri-sdk/logs";
import { createStreamingServer } from "cri-sdk/server";
import { exec } from "cri-sdk/streaming";
import { EmbeddedRuntime } from "cri-sdk/testing";
import { ContainerStatusSchema, RuntimeService } from "cri-sdk/v1";

const runtime = await EmbeddedRuntime.start();
const cri = connect.through(runtime);
assert.equal((await cri.runtime.version()).runtimeApiVersion, "v1");
await assert.rejects(cri.runtime.podSandboxStatus({ podSandboxId: "none" }), isCriError);
assert.equal(parseSandboxConfig("metadata: { name: a, uid: b, namespace: c }").metadata.name, "a");
assert.equal(parseLogLine(Buffer.from("2026-01-02T03:04:05.678901234Z stdout F text\\n")).stream, "stdout");
// The package's schemas and a program's own copy of @bufbuild/protobuf fit together.
assert.deepEqual(toJson(ContainerStatusSchema, create(ContainerStatusSchema, { id: "x" })), { id: "x" });
assert.equal(RuntimeService.methods.length > 30, true);
const server = await createStreamingServer({
  exec: async ({ stdout }) => {
    stdout.end("hello");
    return 0;
  },
});
for (const transport of ["spdy", "websocket"]) {
  const { url } = server.exec({ containerId: "x", cmd: ["true"], stdout: true });
  const session = await exec(url, { transport });
  let text = "";
  for await (const chunk of session.stdout) text += chunk;
  assert.deepEqual([text, (await session.ended).exitCode], ["hello", 0]);
}
await server.close();
await cri.close();
await runtime.close();
`;

/** Runs a Pod with a kubelet, where only this package is installed. */
export const kubeletWithoutPeer = `
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "cri-sdk";
import { apiServer, createKubelet, podList } from "cri-sdk/kubelet";
import { EmbeddedRuntime } from "cri-sdk/testing";

const rootDir = await mkdtemp(join(tmpdir(), "cri-sdk-kubelet-"));
const runtime = await EmbeddedRuntime.start({ programs: ({ clock }) => clock.sleep(600_000) });
const cri = connect.through(runtime);
const containers = [{ name: "main", image: "docker.io/library/busybox:1.37" }];
const pods = podList([{ metadata: { name: "a" }, spec: { terminationGracePeriodSeconds: 1, containers } }]);
const kubelet = await createKubelet({ cri, sources: [pods], rootDir, withoutMounts: "allow", eviction: false });
await kubelet.waitFor(() => kubelet.pod("default", "a")?.status.phase === "Running", { timeoutMs: 30_000 });
console.log(kubelet.pod("default", "a").status.phase);
await kubelet.stop({ timeoutMs: 30_000 });
await apiServer({ kubeconfigFile: "/nowhere" }).authenticate("token").catch(({ reason }) => console.log(reason));
await cri.close();
await runtime.close();
await rm(rootDir, { recursive: true });
`;

/** Starts a pod, and uses the parts that come from dependencies: YAML, WebSocket, tar. */
export const bundled = `
import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "cri-sdk";
import { parseSandboxConfig } from "cri-sdk/crictl";
import { createStreamingServer } from "cri-sdk/server";
import { exec } from "cri-sdk/streaming";
import { EmbeddedRuntime } from "cri-sdk/testing";

assert.equal(parseSandboxConfig("metadata: { name: a, uid: b, namespace: c }").metadata.name, "a");
const server = await createStreamingServer({
  exec: async ({ stdout }) => {
    stdout.end("hello");
    return 0;
  },
});
for (const transport of ["spdy", "websocket"]) {
  const session = await exec(server.exec({ containerId: "x", cmd: ["true"], stdout: true }).url, { transport });
  let text = "";
  for await (const chunk of session.stdout) text += chunk;
  assert.equal(text, "hello");
}
await server.close();
const runtime = await EmbeddedRuntime.start();
const cri = connect.through(runtime);
const pod = await cri.pods.run({ name: "web" });
const container = await pod.runContainer({
  name: "app",
  image: "docker.io/library/busybox:1.37",
  command: ["sleep", "1000"],
});
const folder = mkdtempSync(join(tmpdir(), "cri-sdk-bundle-"));
writeFileSync(join(folder, "from"), "copied");
await container.copyTo(join(folder, "from"), join(folder, "to"));
assert.equal(readFileSync(join(folder, "to"), "utf8"), "copied");
rmSync(folder, { recursive: true });
await pod.remove();
await cri.close();
await runtime.close();
console.log("done");
`;

/** Tests for a framework that runs them in a realm of its own. Both jest and vitest have these globals. */
export const realmTests = `
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, isCriError } from "cri-sdk";
import { readLogs } from "cri-sdk/logs";
import { EmbeddedRuntime, fixtures, recording, replaying } from "cri-sdk/testing";

test("a recording is replayed, and a change is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cri-sdk-recording-"));
  const file = join(folder, "session.jsonl");
  const config = fixtures.sandboxConfig({ logDirectory: "" });
  const runtime = await EmbeddedRuntime.start({ programs: {} });
  const recorder = recording(runtime.transport, file);
  const recorded = await connect.through(recorder).runtime.runPodSandbox({ config });
  await recorder.close();
  await runtime.close();
  const replay = replaying(file);
  const cri = connect.through(replay);
  const error = await cri.runtime.version().catch((error) => error);
  expect([isCriError(error), error.reason]).toEqual([true, "not_recorded"]);
  expect((await cri.runtime.runPodSandbox({ config })).podSandboxId).toBe(recorded.podSandboxId);
  expect(replay.pending).toEqual([]);
  await replay.close();
  rmSync(folder, { recursive: true });
});

test("errors of Node are recognized", async () => {
  const error = await connect("unix:///no/such.sock").catch((error) => error);
  expect(isCriError(error)).toBe(true);
  expect(error.reason).toBe("socket_missing");
});

test("the embedded runtime runs a pod, with functions and with processes", async () => {
  for (const programs of [{ sleep: ({ clock }) => clock.sleep(1e9), echo: ({ stdout }) => void stdout.write("hi\\n") }, undefined]) {
    const runtime = await EmbeddedRuntime.start({ programs });
    const cri = connect.through(runtime);
    const pod = await cri.pods.run({ name: "web" });
    const image = "docker.io/library/busybox:1.37";
    const container = await pod.runContainer({ name: "app", image, command: ["sleep", "1000"] });
    expect((await container.runCommand(["echo", "hi"])).stdout).toBe("hi\\n");
    const failed = await container.runCommand(["/no/such"]).catch((error) => error);
    expect(failed.reason).toBe("exec_not_started");
    await pod.remove();
    await cri.close();
    await runtime.close();
  }
});

test("fixtures", () => {
  expect(fixtures.sandbox().id.length).toBe(64);
});
`;

/** Uses the declarations of each door. */
export const typed = `
import { type Cri, type CallOptions, connect, isCriError, type RpcInterceptor } from "cri-sdk";
import { type AdmissionCheck, apiServer, createKubelet, type KubeConfigLike, type Kubelet } from "cri-sdk/kubelet";
import { createStreamingServer, type StreamingHandlers } from "cri-sdk/server";
import { exec, type ExecSession, SpdyConnection } from "cri-sdk/streaming";
import { ContainerState, type Container, RuntimeService } from "cri-sdk/v1";

const log: RpcInterceptor = (next) => async (request) => {
  console.log(request.method.name, request.header.get("x"));
  return next(request);
};
export async function sessions(cri: Cri, id: string, handlers: StreamingHandlers): Promise<ExecSession[]> {
  const server = await createStreamingServer(handlers);
  const { url } = server.exec({ containerId: id, cmd: ["true"], stdout: true });
  const killable = await cri.exec(id, ["true"], { killOnClose: true });
  await killable.kill("SIGTERM");
  const plain = await cri.exec(id, ["true"]);
  // @ts-expect-error only a session with killOnClose: true can be killed
  await plain.kill();
  const text: string = (await cri.runCommand(id, ["true"])).stdout;
  const bytes: Buffer = (await cri.runCommand(id, ["true"], { encoding: "buffer" })).stdout;
  const { exitCode, signal }: { exitCode: number; signal: NodeJS.Signals | undefined } = await plain.ended;
  const page: Response = await cri.portForward(id).fetch(80, "/");
  console.log(SpdyConnection.name, text, bytes, exitCode, signal, page.status);
  return [await exec(url), killable, plain];
}
export async function kubelet(cri: Cri, kubeConfig: KubeConfigLike, admit: AdmissionCheck): Promise<Kubelet> {
  const api = apiServer({ kubeConfig });
  // @ts-expect-error a port is a number
  await createKubelet({ cri, sources: [api], readOnlyPort: { port: "1" } });
  return createKubelet({ cri, sources: [api], admit, server: { authenticate: api.authenticate, authorize: api.authorize } });
}
export async function running(options: CallOptions = {}): Promise<Container[]> {
  const cri: Cri = await connect("unix:///run/x.sock", { interceptors: [log], signal: options.signal });
  try {
    const state = { state: ContainerState.CONTAINER_RUNNING };
    const { containers } = await cri.runtime.listContainers({ filter: { state } }, options);
    for await (const event of cri.runtime.getContainerEvents()) console.log(event.containerId, RuntimeService.typeName);
    // @ts-expect-error CreateContainer takes a request
    await cri.runtime.createContainer();
    return containers;
  } catch (error) {
    if (isCriError(error) && error.reason === "object_missing") return [];
    throw error;
  }
}
`;
