// postStart and preStop hooks: on the embedded runtime, on real sockets, and by the clock.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HTTPGetAction, LifecycleHandler } from "../../../src/kubernetes/api/index.js";
import { lifecycleHooks } from "../../../src/kubernetes/hooks/hooks.js";
import { systemClock } from "../../../src/kubernetes/worker/clock.js";
import { scripted, start } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { freePort } from "../../support/free-port.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { until } from "../../support/waiting.js";
import { headerLines, serveHttp, serveHttps } from "../probes/support.js";

const pod = { metadata: { name: "web", namespace: "prod", uid: "u" } };
const never = new AbortController().signal;
const noRuntime = {
  execSync: () => {
    throw new Error("execSync was called");
  },
};

/** Runs a hook of a container in a pod with the address 127.0.0.1. */
function run(
  handler: LifecycleHandler,
  {
    runtime = noRuntime,
    clock = systemClock,
    containerId = "id",
    signal = never,
    record,
  }: Partial<Parameters<typeof lifecycleHooks>[0]> & {
    readonly containerId?: string;
    readonly signal?: AbortSignal;
    readonly record?: (event: { readonly reason: string; readonly message: string }) => void;
  } = {},
): Promise<void> {
  const container = {
    name: "app",
    env: [{ name: "A", value: "1" }],
    ports: [{ name: "web", containerPort: 1 }],
  };
  const target = { pod, container, containerId, podIPs: ["127.0.0.1"] };
  return lifecycleHooks({ runtime, clock }).run(handler, target, { signal, record });
}

test("exec: the exit code decides, the command is not expanded, and there is no time limit", async (t) => {
  const { runtime, cri } = await scripted(t);
  const { containerId } = await start(cri, ["run"]);
  const exec = (...command: string[]) => run({ exec: { command } }, { runtime: cri.runtime, containerId });
  await exec("print", "$(A)");
  const { request } = runtime.calls.of("execSync").at(-1) ?? {};
  assert.deepEqual([request?.cmd, request?.timeout], [["print", "$(A)"], 0n]);
  const failed = await failure(exec("exit", "3"));
  assert.equal(failed.reason, "hook_failed");
  assert.match(
    failed.rawMessage,
    /^Exec lifecycle hook \(exit 3\) for Container "app" in Pod "web_prod\(u\)" failed - error: command 'exit 3' exited with 3: $/,
  );
  const missing = await failure(exec("no-such-program"));
  assert.match(missing.rawMessage, /failed - error: .*executable file not found/);
});

test("exec: the signal cuts the command off", async (t) => {
  const { runtime, cri } = await scripted(t);
  const { containerId } = await start(cri, ["run"]);
  const stop = new AbortController();
  const over = new Error("grace period is over");
  const running = run(
    { exec: { command: ["run"] } },
    { runtime: cri.runtime, containerId, signal: stop.signal },
  );
  await until(() => runtime.calls.of("execSync").length === 1, "the command runs");
  stop.abort(over);
  await assert.rejects(running, (error) => error === over);
  await assert.rejects(run({ sleep: { seconds: 0 } }, { signal: stop.signal }), (error) => error === over);
});

test("sleep: waits by the clock, until the signal", async () => {
  const clock = new VirtualClock();
  let ended = false;
  const running = run({ sleep: { seconds: 5 } }, { clock }).then(() => {
    ended = true;
  });
  await clock.advance(4_999);
  assert.equal(ended, false);
  await clock.advance(1);
  await running;
  const stop = new AbortController();
  const cut = run({ sleep: { seconds: 5 } }, { clock, signal: stop.signal });
  stop.abort(new Error("over"));
  await assert.rejects(cut, /over/);
  assert.equal(clock.sleepers, 0);
});

test("httpGet: any status is a success; no response is a failure", async (t) => {
  const seen: string[][] = [];
  const port = await serveHttp(t, (request, response) => {
    seen.push([`${request.url}`, ...headerLines(request).sort()]);
    response.writeHead(Number(request.url?.slice(1))).end("x".repeat(100_000));
  });
  for (const status of [200, 302, 404, 500]) await run({ httpGet: { port, path: `/${status}` } });
  assert.deepEqual(seen[3], [
    "/500",
    "Accept: */*",
    "Connection: close",
    `Host: 127.0.0.1:${port}`,
    "User-Agent: kube-lifecycle/1.37",
  ]);
  const closed = await freePort();
  const refused = await failure(run({ httpGet: { port: closed, path: "/stop" } }));
  assert.equal(
    refused.rawMessage,
    `HTTP lifecycle hook (/stop) for Container "app" in Pod "web_prod(u)" failed - error: Get "http://127.0.0.1:${closed}/stop": dial tcp 127.0.0.1:${closed}: connect: connection refused`,
  );
  const unknown = await failure(run({ httpGet: { port: "metrics" } }));
  assert.match(unknown.rawMessage, /no port of container "app" has the name "metrics"/);
});

test("httpGet: HTTPS falls back to HTTP where the port speaks it, without Authorization", async (t) => {
  const events: string[] = [];
  const record = ({ reason, message }: { readonly reason: string; readonly message: string }) =>
    void events.push(`${reason}: ${message}`);
  const httpGet = (port: number): { httpGet: HTTPGetAction } => ({
    httpGet: {
      port,
      scheme: "HTTPS",
      httpHeaders: [
        { name: "Authorization", value: "Bearer x" },
        { name: "X-A", value: "1" },
      ],
    },
  });
  const seen: (string | undefined)[] = [];
  const secure = await serveHttps(t, ({ headers }, response) => {
    seen.push(headers.authorization);
    response.end();
  });
  await run(httpGet(secure), { record });
  assert.deepEqual([seen, events], [["Bearer x"], []]);
  const plain = await serveHttp(t, ({ headers }, response) => {
    seen.push(headers.authorization, String(headers["x-a"]));
    response.end();
  });
  await run(httpGet(plain), { record });
  assert.deepEqual(seen.slice(1), [undefined, "1"]);
  assert.deepEqual(events, [
    `LifecycleHTTPFallback: request to HTTPS lifecycle hook 127.0.0.1:${plain} got HTTP response, retry with HTTP succeeded`,
  ]);
  // Without a recorder, and for a port on which nothing listens.
  await run(httpGet(plain));
  const closed = await freePort();
  assert.match((await failure(run(httpGet(closed)))).rawMessage, /Get "https:.*connection refused$/);
});

test("httpGet: the signal cuts a server off that does not answer", async (t) => {
  const stop = new AbortController();
  const port = await serveHttp(t, () => stop.abort(new Error("over")));
  await assert.rejects(run({ httpGet: { port } }, { signal: stop.signal }), /over/);
});

test("tcpSocket, and a handler without an action, fail", async () => {
  for (const handler of [{ tcpSocket: { port: 1 } }, {}])
    assert.match((await failure(run(handler))).rawMessage, /^Cannot run handler: invalid handler/);
});
