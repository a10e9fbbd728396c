// The kubelet's own API on a real runtime, with clients of SPDY and WebSocket.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { request } from "node:https";
import { after, before, describe, test } from "node:test";
import { createKubelet, type Kubelet } from "../../src/kubelet/index.js";
import { defaultPod } from "../../src/kubernetes/index.js";
import {
  attach,
  exec,
  portForward,
  type SessionOptions,
  SpdyConnection,
  type SpdyStream,
} from "../../src/streaming/index.js";
import { ListSource } from "../support/kubelets.js";
import { ask, refusalOf, spdyHeaders } from "../support/raw-streaming.js";
import { until, within } from "../support/waiting.js";
import { tunnel } from "../support/ws-tunnel.js";
import { ports, servePod } from "./pod-services.js";
import type { Subject } from "./support.js";

const token = "kubelet-server-cases";
const client = {
  tls: { rejectUnauthorized: false },
  headers: { authorization: `Bearer ${token}` },
} as const;
const MB = 1_000_000;

/** Cases of the kubelet's API. */
export function kubeletServerCases(subject: () => Subject): void {
  // Its kubelet runs for these cases only: containerd 1.7 sends each event to one subscriber.
  describe("the API of a kubelet", () => {
    let kubelet: Kubelet;
    let services: AsyncDisposable;
    const rootDir = () => `${subject().running.dir}/kubelet-server`;
    const at = (path: string) => `${kubelet.serverUrl}${path}`;

    before(async () => {
      const { cri, running } = subject();
      await mkdir(rootDir(), { recursive: true });
      const pod = defaultPod({
        metadata: { name: "web", namespace: "server", uid: "kubelet-server-web" },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: "main",
              image: running.images.busybox,
              command: [
                "sh",
                "-c",
                'echo started; while read -r line; do echo "got $line"; done; sleep 1000',
              ],
              stdin: true,
            },
          ],
        },
      });
      kubelet = await createKubelet({
        cri,
        rootDir: rootDir(),
        nodeName: "server",
        node: { cgroupRoot: running.cgroupParent },
        sources: [new ListSource("list", [pod])],
        imageGarbageCollection: false,
        eviction: false,
        server: {
          host: "127.0.0.1",
          port: 0,
          authenticate: async (one) =>
            one === token ? { name: "admin", groups: ["system:masters"] } : undefined,
        },
      });
      await kubelet.waitFor(() => kubelet.pod("server", "web")?.status.phase === "Running", {
        timeoutMs: 120_000,
      });
      services = await servePod(subject(), kubelet.pod("server", "web")?.observed.sandboxes[0]?.id ?? "");
    });
    after(async () => {
      await services?.[Symbol.asyncDispose]();
      await kubelet?.stop({ timeoutMs: 60_000 });
      await kubelet?.close();
      await rm(rootDir(), { recursive: true, force: true });
    });

    const execIn = (command: readonly string[], options: SessionOptions) => {
      const streams = { stdin: options.stdin, stdout: true, stderr: !options.tty, tty: options.tty };
      const query = new URLSearchParams(command.map((part) => ["command", part] as [string, string]));
      const names = { stdin: "input", stdout: "output", stderr: "error", tty: "tty" } as const;
      for (const name of ["stdin", "stdout", "stderr", "tty"] as const)
        if (streams[name]) query.set(names[name], "1");
      return exec(at(`/exec/server/web/main?${query}`), { ...client, ...options });
    };

    for (const transport of ["spdy", "websocket"] as const) {
      test(`kubelet's API: exec over ${transport}: exit codes, both outputs, 10 MB of input and output`, async () => {
        const both = await execIn(["sh", "-c", "echo out; echo err >&2; exit 7"], { transport });
        const [stdout, stderr, { exitCode }] = await Promise.all([
          textOf(both.stdout),
          textOf(both.stderr),
          both.ended,
        ]);
        assert.deepEqual([stdout, stderr, exitCode], ["out\n", "err\n", 7]);

        const bytes = randomBytes(10 * MB);
        const echo = await execIn(["sh", "-c", "cat; exit 3"], { transport, stdin: true });
        echo.stdin?.end(bytes);
        echo.stderr?.resume();
        const hash = createHash("sha256");
        for await (const chunk of echo.stdout ?? []) hash.update(chunk as Buffer);
        assert.equal((await within(60_000, echo.ended, "exec with 10 MB")).exitCode, 3);
        assert.equal(hash.digest("hex"), createHash("sha256").update(bytes).digest("hex"));

        const sum = await execIn(["sh", "-c", "md5sum; exit $?"], { transport, stdin: true });
        sum.stdin?.end(bytes);
        sum.stderr?.resume();
        const md5 = createHash("md5").update(bytes).digest("hex");
        assert.equal(await textOf(sum.stdout), `${md5}  -\n`);

        await assert.rejects(async () => {
          const none = await execIn(["no-such-program"], { transport });
          none.stdout?.resume();
          none.stderr?.resume();
          await none.ended;
        });

        const terminal = await execIn(["sh"], {
          transport,
          tty: true,
          stdin: true,
          size: { columns: 91, rows: 31 },
        });
        let seen = "";
        terminal.stdout?.on("data", (chunk: Buffer) => {
          seen += chunk;
        });
        // The size is sent again once the process has started.
        await until(() => {
          terminal.stdin?.write("stty size\n");
          return seen.includes("31 91");
        }, "the size of the terminal");
        terminal.stdin?.write("exit 5\n");
        assert.equal((await within(30_000, terminal.ended, "the terminal")).exitCode, 5);
        await noSessions(`exec over ${transport}`);
      });

      test(`kubelet's API: attach over ${transport}`, async () => {
        const url = at("/attach/server/web/main?input=1&output=1&error=1");
        const session = await attach(url, { ...client, transport, stdin: true, keepStdinOpen: true });
        session.stderr?.resume();
        let seen = "";
        session.stdout?.on("data", (chunk: Buffer) => {
          seen += chunk;
        });
        session.stdin?.write(`${transport}\n`);
        await until(() => seen.includes(`got ${transport}\n`), "the answer of the container");
        await session.detach();
        await noSessions(`attach over ${transport}`);
      });

      test(`kubelet's API: port-forward over ${transport}`, async () => {
        const url = (port: number) => at(`/portForward/server/web?port=${port}`);
        const forward = portForward(url, { ...client, transport });
        const echo = await forward.connect(ports.echo);
        const bytes = randomBytes(10 * MB);
        echo.write(bytes);
        const hash = createHash("sha256");
        let length = 0;
        for await (const chunk of echo) {
          hash.update(chunk as Buffer);
          length += (chunk as Buffer).length;
          if (length >= bytes.length) break;
        }
        assert.equal(hash.digest("hex"), createHash("sha256").update(bytes).digest("hex"));
        const page = await forward.fetch(ports.http, "/page");
        assert.equal(await page.text(), "a page\n");
        await forward.close();
        await noSessions(`port-forward over ${transport}`);
      });
    }

    test("kubelet's API: port-forward in SPDY over a WebSocket", async (t) => {
      const { bytes, closes } = await tunnel(t, at("/portForward/server/web"), client.headers);
      const spdy = new SpdyConnection(bytes, { role: "client" });
      const sent = randomBytes(3 * MB);
      const received: Buffer[] = [];
      let error = "";
      const streams: SpdyStream[] = [];
      for (const streamtype of ["error", "data"] as const) {
        const stream = spdy.open({ streamtype, port: `${ports.echo}`, requestid: "1" });
        stream.setSink({
          onData(part) {
            if (streamtype === "data") received.push(Buffer.from(part));
            else error += part;
            return true;
          },
          onEnd: () => undefined,
        });
        if (streamtype === "data") stream.write(sent, () => undefined);
        else stream.end();
        streams.push(stream);
      }
      await until(() => received.reduce((sum, { length }) => sum + length, 0) >= sent.length, "the echo");
      assert.ok(Buffer.concat(received).equals(sent));
      assert.equal(error, "");
      // A server may let the connections that are open at a GOAWAY come to their end.
      streams.at(-1)?.end();
      spdy.goaway();
      await until(() => closes.length > 0, "the close frame");
      await noSessions("port-forward in SPDY over a WebSocket");
    });

    test("kubelet's API: logs, lists, run, statistics and metrics", async (t) => {
      const get = async (path: string, method = "GET") => {
        const { status, body } = await refusalOf(ask(t, at(path), client.headers, method));
        return [status, body] as const;
      };
      const [status, log] = await get("/containerLogs/server/web/main?limitBytes=8");
      assert.deepEqual([status, log], [200, "started\n"]);
      const [, timed] = await get("/containerLogs/server/web/main?timestamps=true&tailLines=1");
      assert.match(timed, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z .*\n$/);
      assert.deepEqual(await get("/run/server/web/main?cmd=echo%20hi", "POST"), [200, "hi\n"]);
      assert.equal((await get("/run/server/web/main?cmd=false", "POST"))[0], 500);
      const running = JSON.parse((await get("/runningpods/"))[1]);
      assert.deepEqual(
        running.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
        ["web"],
      );
      assert.equal(JSON.parse((await get("/pods"))[1]).items[0].status.phase, "Running");
      const [, resource] = await get("/metrics/resource");
      for (const name of ["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"])
        assert.match(
          resource,
          new RegExp(`^${name}\\{container="main",namespace="server",pod="web"\\} [\\d.]+ \\d{13}$`, "m"),
        );
      assert.match(resource, /^resource_scrape_error 0$/m);
      const { pods } = JSON.parse((await get("/stats/summary"))[1]);
      assert.equal(pods.length, 1);
      assert.ok(pods[0].containers[0].memory.workingSetBytes > 0);
      assert.ok(pods[0].containers[0].logs.usedBytes > 0);
      assert.match((await get("/metrics/cadvisor"))[1], /^container_memory_/m);
      assert.match((await get("/metrics"))[1], /^kubelet_running_pods 1$/m);
      assert.equal((await get("/checkpoint/server/web/none", "POST"))[0], 404);
      // CRIU is missing here, or the runtime cannot checkpoint.
      assert.equal((await get("/checkpoint/server/web/main", "POST"))[0], 500);
    });

    test("kubelet's API: 20 execs at a time, and refusals", async (t) => {
      const codes = await Promise.all(
        Array.from({ length: 20 }, async (_, n) => {
          const session = await execIn(["sh", "-c", `exit ${n}`], {
            transport: n % 2 === 0 ? "spdy" : "websocket",
            startTimeoutMs: 60_000,
          });
          session.stdout?.resume();
          session.stderr?.resume();
          return (await session.ended).exitCode;
        }),
      );
      assert.deepEqual(
        codes,
        codes.map((_, n) => n),
      );
      const v4 = spdyHeaders("v4.channel.k8s.io");
      const path = "/exec/server/web/none?command=x&output=1";
      const refused = await refusalOf(ask(t, at(path), { ...client.headers, ...v4 }));
      assert.deepEqual([refused.status, refused.body], [404, 'container not found ("none")']);
      assert.equal((await refusalOf(ask(t, at(path), v4))).status, 401);
      await noSessions("20 execs");
    });

    /** The server's connections to the runtime end with its clients'. */
    async function noSessions(what: string): Promise<void> {
      const pages = async () =>
        (await fetchPage(at("/metrics"))).match(/^kubelet_http_sessions (\d+)$/m)?.[1];
      await until(async () => (await pages()) === "0", `the end of the sessions of ${what}`);
    }
  });
}

function fetchPage(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { headers: client.headers, rejectUnauthorized: false, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.once("end", () => resolve(text));
      },
    );
    call.once("error", reject).end();
  });
}

async function textOf(stream: AsyncIterable<Buffer> | null | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
