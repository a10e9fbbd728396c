import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { get } from "node:http";
import { connect as netConnect } from "node:net";
import { after, before, test } from "node:test";
import { isCriError } from "../../src/index.js";
import type { PortForwardOptions } from "../../src/streaming.js";
import { failure } from "../support/failure.js";
import { until } from "../support/waiting.js";
import { ports, servePod } from "./pod-services.js";
import { type Pod, runPod, type Subject } from "./support.js";

const MiB = 2 ** 20;
/** Cases for connections to the ports of a pod. */
export function portForwardCases(subject: () => Subject): void {
  let pod: Pod;
  let services: AsyncDisposable;
  before(async () => {
    pod = await runPod(subject(), "forward");
    services = await servePod(subject(), pod.podSandboxId);
  });
  after(async () => {
    await services?.[Symbol.asyncDispose]();
    await pod?.[Symbol.asyncDispose]();
  });
  const forward = (options?: PortForwardOptions) => subject().cri.portForward(pod.podSandboxId, options);

  const variants: [string, PortForwardOptions][] = [
    ["isolated", { transport: "spdy" }],
    ["pooled", { mode: "pooled" }],
    ["websocket", { transport: "websocket" }],
  ];
  for (const [name, options] of variants) {
    test(`${name}: bytes in both directions, fetch, an agent and a local port`, async () => {
      await using pods = forward(options);
      const echo = await pods.connect(ports.echo);
      const bytes = randomBytes(MiB);
      echo.write(bytes);
      assert.deepEqual(await take(echo, MiB), bytes);
      echo.destroy();

      const page = await pods.fetch(ports.http, "/page");
      assert.equal(page.status, 200);
      assert.equal(await page.text(), "a page\n");
      assert.equal((await pods.fetch(ports.http, "/none")).status, 404);

      for (let round = 0; round < 3; round++) {
        const request = get({ agent: pods.agent, host: "the-pod", port: ports.http, path: "/page" });
        const [response] = await once(request, "response");
        let text = "";
        for await (const part of response) text += part;
        assert.equal(text, "a page\n");
      }

      await using local = await pods.listen(ports.http, { port: 0 });
      assert.equal(await (await fetch(`http://127.0.0.1:${local.port}/page`)).text(), "a page\n");
    });

    test(`${name}: a refused port fails its own connection only`, async () => {
      await using pods = forward({ ...options, refusalWaitMs: 300 });
      const echo = await forwardEcho(pods);
      const error = await failure(pods.connect(ports.closed), "port_refused");
      assert.equal(error.code, "unavailable");
      await assert.rejects(
        pods.fetch(ports.closed, "/"),
        (error) => isCriError(error) && error.reason === "port_refused",
      );
      echo.write("still here");
      assert.equal((await take(echo, 10)).toString(), "still here");
      echo.destroy();
    });

    test(`${name}: 200 concurrent connections`, async () => {
      await using pods = forward(options);
      const replies = await Promise.all(
        Array.from({ length: 200 }, async (_, index) => {
          const connection = await pods.connect(ports.echo);
          const text = `connection ${index}`;
          connection.write(text);
          const reply = await take(connection, text.length);
          connection.destroy();
          return reply.toString() === text;
        }),
      );
      assert.equal(replies.filter(Boolean).length, 200);
    });

    test(`${name}: a reply long after the end of the request is not lost`, async () => {
      await using pods = forward(options);
      const connection = await pods.connect(ports.late);
      connection.end("hello\n");
      assert.equal((await takeAll(connection)).toString(), "late reply to hello\n");
      // The same through a local port, with a half-closed client.
      await using local = await pods.listen(ports.late, { port: 0 });
      const socket = netConnect({ port: local.port, host: local.host, allowHalfOpen: true });
      socket.end("again\n");
      assert.equal((await takeAll(socket)).toString(), "late reply to again\n");
    });

    test(`${name}: a local port closes connections of disconnected clients, even if the pod keeps them open`, async () => {
      await using pods = forward(options);
      await using local = await pods.listen(ports.echo, { port: 0, idleAfterEndMs: 200 });
      for (let probe = 0; probe < 10; probe++) {
        const socket = netConnect({ port: local.port, host: local.host });
        await once(socket, "connect");
        socket.end(probe % 2 === 0 ? "" : "hello\n");
      }
      await until(() => local.connections === 0, "all connections are closed");
    });
  }

  test("100 MiB through one connection while another is stalled", async () => {
    await using pods = forward();
    const stalled = await pods.connect(ports.endless);
    const reading = await pods.connect(ports.source);
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const part of reading as AsyncIterable<Buffer>) {
      hash.update(part);
      bytes += part.byteLength;
    }
    assert.equal(bytes, 100 * MiB);
    const block = Buffer.from("forwarded\n".repeat(8_192));
    const expected = createHash("sha256");
    for (let rest = 100 * MiB; rest > 0; rest -= block.byteLength) expected.update(block.subarray(0, rest));
    assert.equal(hash.digest("hex"), expected.digest("hex"));
    assert.ok(
      stalled.readableLength <= MiB,
      `${stalled.readableLength} bytes of the stalled connection are buffered`,
    );
    stalled.destroy();
  });

  test("16 MiB of sent data arrive whole", async () => {
    await using pods = forward();
    const connection = await pods.connect(ports.sink);
    const bytes = randomBytes(16 * MiB);
    connection.write(bytes);
    const reply = (await takeAll(connection)).toString();
    assert.equal(reply.trim(), createHash("sha256").update(bytes).digest("hex"));
  });

  test("close() ends connections, listeners and pending calls", async () => {
    const pods = forward();
    const echo = await pods.connect(ports.echo);
    const local = await pods.listen(ports.echo, { port: 0 });
    const socket = netConnect({ port: local.port, host: local.host });
    socket.on("error", () => undefined);
    await once(socket, "connect");
    const opening = pods.connect(ports.echo);
    const closed = once(socket, "close");
    await Promise.all([pods.close(), pods.close()]);
    await failure(opening, "client_closed");
    assert.ok(echo.destroyed);
    await closed;
    await failure(pods.connect(ports.echo), "client_closed");
    await failure(pods.fetch(ports.http, "/"), "client_closed");
  });

  test("requests with bodies and headers, a timeout, and an abort", async () => {
    await using pods = forward();
    const body = "x".repeat(300_000);
    const headers = { "content-type": "text/test" };
    const response = await pods.fetch(ports.http, "/echo", { method: "PUT", body, headers });
    assert.equal(response.status, 201);
    assert.equal(response.headers.get("x-method"), "PUT");
    assert.equal(response.headers.get("x-type"), "text/test");
    assert.equal(await response.text(), body);
    const stop = new AbortController();
    const never = pods.fetch(ports.http, "/never", { signal: stop.signal });
    setTimeout(() => stop.abort(new Error("no more")), 100);
    await assert.rejects(never, /no more/);
    const request = get({ agent: pods.agent, port: ports.http, path: "/never", timeout: 100 });
    request.on("error", () => undefined);
    await once(request, "timeout");
    request.destroy();
    await failure(pods.connect(0), "invalid_option");
  });
}

async function forwardEcho(pods: ReturnType<Subject["cri"]["portForward"]>) {
  const echo = await pods.connect(ports.echo);
  echo.write("hello");
  assert.equal((await take(echo, 5)).toString(), "hello");
  return echo;
}

/** Reads the next `length` bytes of a stream. */
async function take(from: NodeJS.ReadableStream, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      from.removeListener("data", onData);
      from.removeListener("error", onError);
      from.removeListener("end", onEnd);
      act();
    };
    const onData = (part: Buffer) => {
      parts.push(part);
      bytes += part.byteLength;
      if (bytes >= length) settle(() => resolve(Buffer.concat(parts)));
    };
    const onError = (error: unknown) => settle(() => reject(error));
    const onEnd = () => settle(() => reject(new Error(`ended after ${bytes} of ${length} bytes`)));
    from.on("data", onData).once("error", onError).once("end", onEnd);
  });
}

async function takeAll(from: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of from) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
