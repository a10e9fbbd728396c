// Go's own clients against our streaming server: kubectl, over SPDY and over WebSocket, through a proxy that passes
// bytes on, as an API server and a kubelet do.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { before, describe, type TestContext, test } from "node:test";
import { podName } from "../../scripts/interop/api-server.js";
import { installKubectl } from "../../scripts/interop/kubectl.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { type Cluster, type Running, startCluster, stop } from "./support.js";

const mebibyte = 2 ** 20;
let kubectl = "";

before(
  async () => {
    kubectl = await installKubectl();
  },
  { timeout: 300_000 },
);

for (const webSockets of [false, true])
  describe(`kubectl over ${webSockets ? "WebSocket" : "SPDY"}`, () => {
    const upgrade = webSockets ? "websocket" : "SPDY/3.1";
    const cluster = async (t: TestContext, attachTo = ["cat"]): Promise<Cluster> => {
      const folder = await tempFolder(t);
      const made = await startCluster(kubectl, folder, webSockets, attachTo);
      cleanup(t, async () => {
        await until(() => made.streaming.sessions === 0, "no session is left", 10_000);
        await made[Symbol.asyncDispose]();
      });
      return made;
    };

    for (const code of [0, 1, 3, 126, 127, 137, 255])
      test(`exec: exit code ${code}, and both outputs`, async (t) => {
        const { start, api } = await cluster(t);
        const {
          stdout,
          stderr,
          code: exit,
        } = await start(["exec", podName, "--", "sh", "-c", `echo out; echo err >&2; exit ${code}`]).ended;
        assert.equal(stdout, "out\n");
        assert.match(stderr, /^err\n/);
        assert.equal(exit, code);
        assert.deepEqual(api.upgrades, [`exec ${upgrade}`]);
      });

    test("exec: a command that does not exist says why", async (t) => {
      const { start } = await cluster(t);
      const { code, stderr } = await start(["exec", podName, "--", "no-such-command"]).ended;
      assert.equal(code, 1);
      assert.match(stderr, /spawn no-such-command ENOENT/);
    });

    test("exec -i: 64 MiB there and back", async (t) => {
      const { start } = await cluster(t);
      const { child, ended } = start(["exec", "-i", podName, "--", "cat"]);
      const [sent, got] = [createHash("sha256"), createHash("sha256")];
      let bytes = 0;
      child.stdout.on("data", (part: Buffer) => {
        got.update(part);
        bytes += part.byteLength;
      });
      for (let n = 0; n < 64; n++) {
        const part = randomBytes(mebibyte);
        sent.update(part);
        if (!child.stdin.write(part)) await within(20_000, once(child.stdin, "drain"));
      }
      child.stdin.end();
      assert.equal((await ended).code, 0);
      assert.equal(bytes, 64 * mebibyte);
      assert.equal(got.digest("hex"), sent.digest("hex"));
    });

    test("exec -i: the end of stdin is told", async (t) => {
      const { start } = await cluster(t);
      const { child, ended } = start(["exec", "-i", podName, "--", "sh", "-c", "wc -c; exit 5"]);
      child.stdin.end("twelve bytes");
      const { code, stdout } = await ended;
      assert.deepEqual([code, stdout.trim()], [5, "12"]);
    });

    test("exec: a command that leaves its input unread", async (t) => {
      const { start } = await cluster(t);
      const { child, ended } = start(["exec", "-i", podName, "--", "sh", "-c", "exit 9"]);
      child.stdin.write(randomBytes(8 * mebibyte));
      assert.equal((await ended).code, 9);
    });

    test("exec: a client that is killed ends the command", async (t) => {
      const { start, streaming } = await cluster(t);
      const running = start(["exec", podName, "--", "sh", "-c", "echo ready; exec sleep 60"]);
      await until(() => running.said().includes("ready"), "the command runs", 20_000);
      assert.equal(streaming.sessions, 1);
      running.child.kill("SIGKILL");
      await until(() => streaming.sessions === 0, "the session is over");
    });

    test("exec -it: the size of the terminal, and each change of it", async (t) => {
      const { start } = await cluster(t);
      // What runs in the background has no terminal for its input.
      const shell = `stty rows 41 cols 133; (sleep 1; stty -F /dev/tty rows 20 cols 77) & "$KUBECTL" exec -it ${podName} -- terminal`;
      const running = start([], shell);
      await until(() => running.said().includes("size 133x41"), "the first size", 20_000);
      await until(() => running.said().includes("size 77x20"), "the next size", 20_000);
      running.child.stdin.write("hello\x04");
      const { code, stdout } = await running.ended;
      assert.match(stdout, /typed "h/);
      assert.equal(code, 7);
    });

    test("attach -i", async (t) => {
      const { start, api } = await cluster(t, ["sh", "-c", "read line; echo got $line; cat >/dev/null"]);
      const { child, ended } = start(["attach", "-i", podName]);
      child.stdin.end("some input\n");
      const { code, stdout } = await ended;
      assert.match(stdout, /got some input\n$/);
      assert.equal(code, 0);
      assert.deepEqual(api.upgrades, [`attach ${upgrade}`]);
    });

    test("cp: there and back", async (t) => {
      const { start } = await cluster(t);
      const folder = await tempFolder(t);
      await mkdir(join(folder, "in-pod"));
      const content = randomBytes(16 * mebibyte);
      await writeFile(join(folder, "file"), content);
      const there = await start(["cp", join(folder, "file"), `${podName}:${folder}/in-pod/copy`]).ended;
      assert.equal(there.code, 0, there.stderr);
      assert.ok(content.equals(await readFile(join(folder, "in-pod/copy"))));
      const back = await start(["cp", `${podName}:${folder}/in-pod/copy`, join(folder, "again")]).ended;
      assert.equal(back.code, 0, back.stderr);
      assert.ok(content.equals(await readFile(join(folder, "again"))));
    });

    test("port-forward: many connections at a time, and a reply after the end of the request", async (t) => {
      const { start, api } = await cluster(t);
      // Replies with how much it got, but only once it has it all.
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        let bytes = 0;
        socket.on("data", (part) => {
          bytes += part.byteLength;
        });
        socket.on("end", () => socket.end(`${bytes} bytes`));
        socket.on("error", () => undefined);
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      cleanup(t, () => server.close());
      const { port } = server.address() as AddressInfo;
      const running = start(["port-forward", `pod/${podName}`, `:${port}`]);
      cleanup(t, () => stop(running));
      const local = await forwardedPort(running);
      const replies = await Promise.all(
        Array.from({ length: 20 }, (_, index) => askOnce(local, Buffer.alloc(1 + index * 50_000))),
      );
      assert.deepEqual(
        replies,
        replies.map((_, index) => `${1 + index * 50_000} bytes`),
      );
      assert.deepEqual(api.upgrades, [`portforward ${upgrade}`]);
    });

    test("port-forward: 64 MiB, and what a refused port does", async (t) => {
      const { start } = await cluster(t);
      const content = randomBytes(64 * mebibyte);
      const server = createServer((socket) => {
        socket.on("error", () => undefined);
        socket.end(content);
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const running = start(["port-forward", `pod/${podName}`, `:${port}`]);
      cleanup(t, () => stop(running));
      const local = await forwardedPort(running);
      const got = await askOnce(local, Buffer.alloc(1), "latin1");
      assert.ok(content.equals(Buffer.from(got, "latin1")));
      server.close();
      await askOnce(local, Buffer.alloc(1)).catch(() => "");
      await until(() => /ECONNREFUSED/.test(running.said()), "kubectl says why", 10_000);
    });
  });

/** The local port that kubectl says it listens on. */
async function forwardedPort(running: Running): Promise<number> {
  const said = () => /Forwarding from 127\.0\.0\.1:(\d+)/.exec(running.said())?.[1];
  await until(() => said() !== undefined || running.child.exitCode !== null, "kubectl listens", 20_000);
  return Number(said() ?? assert.fail(running.said()));
}

/** Sends bytes, ends, and gives all that comes back. */
async function askOnce(port: number, bytes: Buffer, encoding: BufferEncoding = "utf8"): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  socket.end(bytes);
  await within(30_000, once(socket, "end"), "the reply");
  socket.destroy();
  return Buffer.concat(parts).toString(encoding);
}
