import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "../../src/index.js";
import { type CriServer, type ObservedCall, proxy, serve } from "../../src/server/index.js";
import { createTransport, type Http2Transport } from "../../src/transport.js";
import { failure } from "../support/failure.js";
import { eventually, runPod, type Subject } from "./support.js";

/** Cases for the SDK's client through the SDK's proxy to the runtime, over unix sockets. */
export function proxyCases(direct: () => Subject): void {
  let folder: string;
  let upstream: Http2Transport;
  let server: CriServer;
  let subject: Subject;
  const calls: ObservedCall[] = [];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "cri-proxy-"));
    upstream = createTransport(direct().runtime.endpoint);
    server = await serve(
      join(folder, "proxy.sock"),
      proxy(
        upstream,
        {
          runtime: {
            runPodSandbox(request, _, next) {
              if (request.config) request.config.labels.proxied = "yes";
              return next(request);
            },
          },
        },
        {
          observe: (call) => calls.push(call),
          // Another name for the same address.
          rewriteUrl: (url) => url.replace("127.0.0.1", "localhost"),
        },
      ),
    );
    subject = { ...direct(), cri: connect.lazy(server.endpoint) };
  });
  after(async () => {
    await subject?.cri.close();
    await server?.close();
    await upstream?.close();
    if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  test("proxied: the same responses as without the proxy", async () => {
    const { cri } = subject;
    assert.deepEqual(await cri.runtime.version(), await direct().cri.runtime.version());
    // The daemons return these in an arbitrary order.
    const handlers = async ({ cri }: Subject) =>
      (await cri.runtime.status()).runtimeHandlers.toSorted((a, b) => a.name.localeCompare(b.name));
    const images = async ({ cri }: Subject) =>
      (await cri.image.listImages()).images.toSorted((a, b) => a.id.localeCompare(b.id));
    assert.deepEqual(await handlers(subject), await handlers(direct()));
    assert.deepEqual(await images(subject), await images(direct()));
  });

  test("proxied: a pod's lifecycle, a label added by middleware, commands, sessions, events", async () => {
    const { cri, abilities } = subject;
    const stop = new AbortController();
    const events: string[] = [];
    const watching = (async () => {
      for await (const { containerId } of cri.runtime.getContainerEvents({}, { signal: stop.signal }))
        events.push(containerId);
    })().catch((error) => error.reason as string);
    {
      await using pod = await runPod(subject, "proxied");
      const status = await cri.runtime.podSandboxStatus({ podSandboxId: pod.podSandboxId });
      assert.equal(status.status?.labels.proxied, "yes");
      const containerId = await pod.container(["sleep", "3600"]);
      const sync = await cri.runtime.execSync({ containerId, cmd: ["sh", "-c", "echo out; exit 4"] });
      assert.deepEqual([String(Buffer.from(sync.stdout)), sync.exitCode], ["out\n", 4]);
      const { url } = await cri.runtime.exec({ containerId, cmd: ["true"], stdout: true });
      assert.match(url, /^http:\/\/localhost:/);
      const run = await cri.runCommand(containerId, ["sh", "-c", "wc -c; exit 3"], { input: "twelve bytes" });
      assert.deepEqual([run.stdout.trim(), run.exitCode], ["12", 3]);
      if (abilities.events)
        await eventually("the container's events arrive", () => events.includes(containerId));
      const missing = await failure(
        cri.runtime.containerStatus({ containerId: "0".repeat(64) }),
        "object_missing",
      );
      assert.equal(missing.code, "not_found");
    }
    stop.abort();
    assert.equal(await watching, abilities.events ? "aborted_by_caller" : "unimplemented");
    const ran = calls.find((call) => call.method === "RunPodSandbox");
    assert.ok(ran?.method === "RunPodSandbox" && ran.response?.podSandboxId);
    await eventually("the proxy reports the end of the event stream", () =>
      calls.some(({ method }) => method === "GetContainerEvents"),
    );
  });
}
