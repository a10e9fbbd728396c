// Interoperability of the streaming server with client-go: kubectl, over SPDY and over WebSocket, through a proxy that
// forwards bytes, as an API server and a kubelet do.
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
import { type Running, stop } from "../support/kubectl.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { type Cluster, startCluster } from "./support.js";

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
      const started = await startCluster(kubectl, folder, webSockets, attachTo);
      cleanup(t, async () => {
        await until(() => started.streaming.sessions === 0, "all sessions end", 10_000);
        await started[Symbol.asyncDispose]();
      });
      return started;
    };

    for (const code of [0, 1, 3, 126, 127, 137, 255])
      test(`exec: exit code ${code}, stdout and stderr`, async (t) => {
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

    test("exec: a missing command fails with the reason", async (t) => {
      const { start } = await cluster(t);
      const { code, stderr } = await start(["exec", podName, "--", "no-such-command"]).ended;
      assert.equal(code, 1);
      assert.match(stderr, /spawn no-such-command ENOENT/);
    });

    test("exec -i: 64 MiB through cat arrive unchanged", async (t) => {
      const { start } = await cluster(t);
      const { child, ended } = start(["exec", "-i", podName, "--", "cat"]);
      const [sent, received] = [createHash("sha256"), createHash("sha256")];
      let bytes = 0;
      child.stdout.on("data", (part: Buffer) => {
        received.update(part);
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
      assert.equal(received.digest("hex"), sent.digest("hex"));
    });

    test("exec -i: the end of stdin reaches the command", async (t) => {
      const { start } = await cluster(t);
      const { child, ended } = start(["exec", "-i", podName, "--", "sh", "-c", "wc -c; exit 5"]);
      child.stdin.end("twelve bytes");
      const { code, stdout } = await ended;
      assert.deepEqual([code, stdout.trim()], [5, "12"]);
    });

    test("exec: a command that does not read its stdin still returns its exit code", async (t) => {
      const { start } = await cluster(t);
      const { child, ended } = start(["exec", "-i", podName, "--", "sh", "-c", "exit 9"]);
      child.stdin.write(randomBytes(8 * mebibyte));
      assert.equal((await ended).code, 9);
    });

    test("exec: killing the client terminates the command", async (t) => {
      const { start, streaming } = await cluster(t);
      const running = start(["exec", podName, "--", "sh", "-c", "echo ready; exec sleep 60"]);
      await until(() => running.output().includes("ready"), "the command runs", 20_000);
      assert.equal(streaming.sessions, 1);
      running.child.kill("SIGKILL");
      await until(() => streaming.sessions === 0, "the session ends");
    });

    test("exec -it: the terminal size and its changes reach the command", async (t) => {
      const { start } = await cluster(t);
      // A background process has no terminal as its stdin, so stty needs -F.
      const shell = `stty rows 41 cols 133; (sleep 1; stty -F /dev/tty rows 20 cols 77) & "$KUBECTL" exec -it ${podName} -- terminal`;
      const running = start([], shell);
      await until(() => running.output().includes("size 133x41"), "the first size", 20_000);
      await until(() => running.output().includes("size 77x20"), "the changed size", 20_000);
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

    test("cp: into the pod and back", async (t) => {
      const { start } = await cluster(t);
      const folder = await tempFolder(t);
      await mkdir(join(folder, "in-pod"));
      const content = randomBytes(16 * mebibyte);
      await writeFile(join(folder, "file"), content);
      const upload = await start(["cp", join(folder, "file"), `${podName}:${folder}/in-pod/copy`]).ended;
      assert.equal(upload.code, 0, upload.stderr);
      assert.ok(content.equals(await readFile(join(folder, "in-pod/copy"))));
      const download = await start(["cp", `${podName}:${folder}/in-pod/copy`, join(folder, "again")]).ended;
      assert.equal(download.code, 0, download.stderr);
      assert.ok(content.equals(await readFile(join(folder, "again"))));
    });

    test("port-forward: concurrent connections, and a reply after the end of the request", async (t) => {
      const { start, api } = await cluster(t);
      // Replies with the number of received bytes after the end of the request.
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
        Array.from({ length: 20 }, (_, index) => requestReply(local, Buffer.alloc(1 + index * 50_000))),
      );
      assert.deepEqual(
        replies,
        replies.map((_, index) => `${1 + index * 50_000} bytes`),
      );
      assert.deepEqual(api.upgrades, [`portforward ${upgrade}`]);
    });

    test("port-forward: 64 MiB arrive, and a refused port is reported", async (t) => {
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
      const reply = await requestReply(local, Buffer.alloc(1), "latin1");
      assert.ok(content.equals(Buffer.from(reply, "latin1")));
      server.close();
      await requestReply(local, Buffer.alloc(1)).catch(() => "");
      await until(() => /ECONNREFUSED/.test(running.output()), "kubectl prints the reason", 10_000);
    });
  });

/** Returns the local port that kubectl reports. */
async function forwardedPort(running: Running): Promise<number> {
  const reported = () => /Forwarding from 127\.0\.0\.1:(\d+)/.exec(running.output())?.[1];
  await until(() => reported() !== undefined || running.child.exitCode !== null, "kubectl listens", 20_000);
  return Number(reported() ?? assert.fail(running.output()));
}

/** Sends bytes, ends the request, and returns the complete reply. */
async function requestReply(port: number, bytes: Buffer, encoding: BufferEncoding = "utf8"): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  socket.end(bytes);
  await within(30_000, once(socket, "end"), "the reply");
  socket.destroy();
  return Buffer.concat(parts).toString(encoding);
}
