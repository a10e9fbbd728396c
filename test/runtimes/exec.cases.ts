import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { ExecOptions, ExecSession } from "../../src/index.js";
import { eventually, failure, type Pod, runPod, type Subject } from "./support.js";

const transports = ["spdy", "websocket"] as const;
const MiB = 2 ** 20;

/** Commands in a container: exit codes, output, input, terminals, ends. */
export function execCases(subject: () => Subject): void {
  let pod: Pod;
  let containerId: string;
  before(async () => {
    pod = await runPod(subject(), "exec");
    containerId = await pod.container(["sleep", "3600"]);
  });
  after(() => pod?.[Symbol.asyncDispose]());
  const exec = (command: string[], options?: ExecOptions) =>
    subject().cri.exec(containerId, command, options);
  /** Ends the commands that a pattern finds, but not the one that looks for them. */
  const end = (pattern: string) =>
    subject().cri.runCommand(containerId, [
      "sh",
      "-c",
      `ps | grep '${pattern}' | while read id _; do kill $id; done`,
    ]);
  const sh = (script: string, options?: ExecOptions) => exec(["sh", "-c", script], options);

  for (const transport of transports) {
    test(`${transport}: exit codes, a command's own and others`, async () => {
      for (const code of [0, 1, 3, 126, 127, 255]) {
        const session = await sh(`echo out; echo err >&2; exit ${code}`, { transport });
        const [out, err, exit] = await Promise.all([
          textOf(session.stdout),
          textOf(session.stderr),
          session.exit,
        ]);
        assert.deepEqual([out, err, exit.exitCode, exit.signal], ["out\n", "err\n", code, undefined]);
        assert.equal(session.transport, transport);
        assert.equal(session.protocol, "v4.channel.k8s.io");
      }
      assert.deepEqual(await (await sh("kill -9 $$", { transport })).exit, {
        exitCode: 137,
        signal: "SIGKILL",
      });
      for (const command of [["no-such-program"], ["/etc/passwd"], ["/tmp"]])
        await failure((await exec(command, { transport })).exit, "exec_not_started");
    });

    test(`${transport}: 64 MiB of output, and 64 MiB of error output, apart and whole`, async () => {
      const line = (word: string) => `yes ${word} | head -c ${64 * MiB}`;
      const session = await sh(`${line("output-of-the-command")} & ${line("error")} >&2; wait`, {
        transport,
      });
      const [out, err, exit] = await Promise.all([
        hashOf(session.stdout),
        hashOf(session.stderr),
        session.exit,
      ]);
      assert.equal(exit.exitCode, 0);
      assert.equal(out, hashOfRepeated("output-of-the-command\n", 64 * MiB));
      assert.equal(err, hashOfRepeated("error\n", 64 * MiB));
    });

    test(`${transport}: a slow reader loses nothing, and holds little`, async (t) => {
      const session = await sh(`yes slow | head -c ${48 * MiB}`, { transport, stderr: false });
      const { stdout } = session;
      assert.ok(stdout);
      await pause(300);
      const rssBefore = process.memoryUsage().rss;
      let rss = 0;
      const hash = createHash("sha256");
      let bytes = 0;
      for await (const part of stdout as AsyncIterable<Buffer>) {
        hash.update(part);
        bytes += part.byteLength;
        if (bytes % (2 * MiB) < part.byteLength) {
          await pause(20);
          rss = Math.max(rss, process.memoryUsage().rss);
        }
      }
      assert.equal((await session.exit).exitCode, 0);
      assert.equal(hash.digest("hex"), hashOfRepeated("slow\n", 48 * MiB));
      const grown = Math.round((rss - rssBefore) / MiB);
      t.diagnostic(`RSS grew by ${grown} MiB while 48 MiB were read slowly`);
      assert.ok(grown < 40, `RSS grew by ${grown} MiB`);
    });

    test(`${transport}: a terminal, its size, and its end of input`, async () => {
      // A size is passed on beside the input, and takes effect when it does.
      const script =
        "until [ \"$(stty size)\" = '11 55' ]; do stty size; sleep 0.1; done; read line; echo got $line; cat";
      const size = { columns: 101, rows: 31 };
      await using session = await sh(script, { transport, tty: true, stdin: true, size });
      assert.equal(session.stderr, undefined);
      let text = "";
      session.stdout?.on("data", (part: Buffer) => {
        text += part.toString("latin1");
      });
      await eventually("the size is there", () => text.includes("31 101"));
      session.resize({ columns: 55, rows: 11 });
      session.stdin?.write("typed\n");
      await eventually("the line is read", () => text.includes("got typed"));
      session.stdin?.end("unfinished");
      assert.equal((await session.exit).exitCode, 0);
      assert.match(text, /unfinished/);
    });

    test(`${transport}: an abort ends the session at once, a deadline is one`, async () => {
      const stop = new AbortController();
      const session = await exec(["sleep", "60"], { transport, signal: stop.signal });
      await pause(100);
      const began = performance.now();
      stop.abort(new Error("enough"));
      const error = await failure(session.exit, "aborted_by_caller");
      assert.equal((error.cause as Error).message, "enough");
      assert.ok(performance.now() - began < 1_000);
      assert.ok(session.stdout?.destroyed);
      const late = await exec(["sleep", "60"], { transport, timeoutMs: 150 });
      assert.equal((await failure(late.exit, "deadline")).code, "deadline_exceeded");
    });
  }

  test("64 MiB of input arrive whole, and cat ends with its input", async () => {
    const session = await sh("sha256sum; exit 5", { stdin: true });
    const hash = createHash("sha256");
    const sent = (async () => {
      const { stdin } = session;
      assert.ok(stdin);
      for (let part = 0; part < 256; part++) {
        const bytes = Buffer.alloc(MiB / 4, part);
        hash.update(bytes);
        if (!stdin.write(bytes)) await once(stdin, "drain");
      }
      stdin.end();
    })();
    const [out] = await Promise.all([textOf(session.stdout), sent]);
    assert.equal((await session.exit).exitCode, 5);
    assert.equal(out.split(" ")[0], hash.digest("hex"));
    const { stdout } = await subject().cri.runCommand(containerId, ["cat"], { input: "echo me" });
    assert.equal(stdout, "echo me");
  });

  test("WebSocket says at once that it cannot end the input, and works where it need not", async () => {
    await failure(exec(["cat"], { transport: "websocket", stdin: true }), "stdin_end_unsupported");
    const session = await sh("read line; echo got $line", {
      transport: "websocket",
      stdin: true,
      keepStdinOpen: true,
    });
    session.stdin?.write("this\n");
    assert.equal(await textOf(session.stdout), "got this\n");
    assert.equal((await session.exit).exitCode, 0);
  });

  test("a command that leaves its input unread never hangs the session", async () => {
    const session = await exec(["head", "-c", "5"], { stdin: true, exitGraceMs: 500 });
    const fed = (async () => {
      for (let part = 0; part < 64 && !session.stdin?.destroyed; part++)
        if (session.stdin && !session.stdin.write(Buffer.alloc(MiB / 4)))
          await Promise.race([once(session.stdin, "drain"), session.exit.catch(() => undefined)]);
      session.stdin?.end();
    })();
    const out = await textOf(session.stdout).catch(() => "");
    // containerd tells the exit code, or, when much was unread, nothing at all, or it resets the connection, and
    // what was under way in it is lost.
    const exit = await session.exit.catch((error) => error.reason);
    if (exit !== "connection_lost") {
      assert.ok(exit === "exit_unknown" || exit.exitCode === 0, String(exit));
      assert.equal(out.length, 5);
    }
    await fed;
  });

  test("an input that goes on is given up when the command ends", async () => {
    for (const kill of [false, true]) {
      const session = await exec(["head", "-c", "1"], { stdin: true, stderr: false, kill });
      assert.ok(session.stdin);
      const source = new PassThrough();
      const piped = pipeline(source, session.stdin).catch((error) => error.code);
      source.write("one");
      assert.equal(await textOf(session.stdout), "o");
      assert.equal((await session.exit).exitCode, 0);
      assert.equal(await piped, "ERR_STREAM_PREMATURE_CLOSE");
      assert.ok(source.destroyed);
    }
  });

  test("a command that ends at once and says nothing is not taken for one that had no shell", async () => {
    for (const tty of [false, true])
      for (const exitCode of [0, 1, 126, 127, 255])
        for (let round = 0; round < 3; round++) {
          const run = subject().cri.runCommand(containerId, ["sh", "-c", `exit ${exitCode}`], { tty });
          assert.deepEqual(await run, { exitCode, signal: undefined, stdout: "", stderr: "" });
        }
  });

  test("a spent URL is told as one", async () => {
    const { exec: open } = await import("../../src/streaming/index.js");
    const { url } = await subject().cri.runtime.exec({ containerId, cmd: ["true"], stdout: true });
    const session = await open(url, { stderr: false });
    assert.equal((await session.exit).exitCode, 0);
    await failure(open(url, { stderr: false }), "stream_url_spent");
    await failure(open(new URL("/exec/unknown", url).href), "stream_url_spent");
  });

  test("runCommand: collected, limited, in bytes; and nothing is left running", async () => {
    const { cri } = subject();
    const run = cri.runCommand(containerId, ["sh", "-c", "wc -c; echo e >&2; exit 4"], {
      input: "twelve bytes",
    });
    assert.deepEqual(await run, { exitCode: 4, signal: undefined, stdout: "12\n", stderr: "e\n" });
    const bytes = await cri.runCommand(containerId, ["head", "-c", "3", "/dev/zero"], { encoding: "buffer" });
    assert.deepEqual([...bytes.stdout], [0, 0, 0]);
    await failure(cri.runCommand(containerId, ["no-such-program"]), "exec_not_started");
    await failure(cri.runCommand(containerId, []), "invalid_request");
    await failure(cri.runCommand(containerId, ["yes"], { maxOutputBytes: 100_000 }), "output_limit");
    await failure(
      cri.runCommand(containerId, ["sh", "-c", "sleep 4001 & sleep 4002"], { timeoutMs: 300 }),
      "deadline",
    );
    const failing = (async function* () {
      yield "some";
      throw new Error("no more");
    })();
    const broken = await failure(
      cri.runCommand(containerId, ["cat"], { input: failing }),
      "aborted_by_caller",
    );
    assert.match(broken.text, /no more/);
    const { stdout } = await cri.runCommand(containerId, ["ps"]);
    assert.doesNotMatch(stdout, /yes|sleep 400|\bcat\b/);
  });

  test("kill ends a command for sure: by hand, by an abort, on a terminal, before it began", async () => {
    const { cri } = subject();
    const stopped = await cri.exec(containerId, ["sleep", "5001"], { kill: true });
    await stopped.kill("SIGTERM");
    assert.deepEqual(await stopped.exit, { exitCode: 143, signal: "SIGTERM" });
    await stopped.kill();
    const terminal = await cri.exec(containerId, ["sleep", "5002"], { kill: true, tty: true, stdin: true });
    terminal.stdin?.write("typed before the command began");
    await terminal.close();
    await failure(terminal.exit, "client_closed");
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 1);
    const early = cri.exec(containerId, ["sleep", "5003"], { kill: true, signal: stop.signal });
    await failure(
      early.then(({ exit }) => exit),
      "aborted_by_caller",
    );
    // A command that was asked for and given up before it was there is ended when it comes.
    await eventually(
      "all of them are gone",
      async () => !/sleep 500/.test((await cri.runCommand(containerId, ["ps"])).stdout),
    );
    const output = await cri.exec(containerId, ["sh", "-c", "echo first; echo second >&2"], { kill: true });
    assert.deepEqual(await Promise.all([textOf(output.stdout), textOf(output.stderr)]), [
      "first\n",
      "second\n",
    ]);
  });

  test("hanging up kills the command on containerd 2.1, and leaves it running on 1.6 and 1.7", async () => {
    const { cri, runtime } = subject();
    const stop = new AbortController();
    const session = await exec(["sleep", "6100"], { signal: stop.signal });
    const other = await exec(["sleep", "6101"]);
    await pause(300);
    stop.abort();
    await other.close();
    await failure(session.exit, "aborted_by_caller");
    await failure(other.exit, "client_closed");
    const left = async () =>
      (await cri.runCommand(containerId, ["ps"])).stdout.match(/sleep 610[01]/g)?.length ?? 0;
    if (runtime.release === "2.1") await eventually("both are gone", async () => (await left()) === 0);
    else {
      await pause(500);
      assert.equal(await left(), 2);
      await end("[s]leep 610");
    }
  });

  test("detach leaves the command running on every runtime", async () => {
    const { cri } = subject();
    const session = await exec(["sleep", "6001"]);
    await pause(200);
    await session.detach();
    await failure(session.exit, "client_closed");
    await pause(200);
    const { stdout } = await cri.runCommand(containerId, ["ps"]);
    assert.match(stdout, /sleep 6001/);
    await end("[s]leep 6001");
  });
}

/** What a daemon that is killed does to a session; apart, since others share the daemon. */
export function execRestartCases(subject: () => Subject): void {
  test("a daemon that is killed settles the exit of a session in the middle", async () => {
    const { cri, runtime } = subject();
    await using pod = await runPod(subject(), "exec-kill");
    const containerId = await pod.container(["sleep", "3600"]);
    const sessions: ExecSession[] = [];
    for (const transport of transports)
      sessions.push(
        await cri.exec(containerId, ["sh", "-c", "while :; do echo tick; sleep 0.05; done"], { transport }),
      );
    const outputs = sessions.map(({ stdout }) =>
      textOf(stdout).then(
        () => "ended",
        (error) => error.reason,
      ),
    );
    await pause(300);
    await runtime.kill();
    try {
      for (const { exit } of sessions)
        assert.equal((await failure(exit, "connection_lost")).code, "unavailable");
      assert.deepEqual(await Promise.all(outputs), ["connection_lost", "connection_lost"]);
    } finally {
      await runtime.start();
    }
  });
}

async function textOf(output: Readable | undefined): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of output ?? []) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

async function hashOf(output: Readable | undefined): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of output ?? []) hash.update(part as Buffer);
  return hash.digest("hex");
}

/** The hash of what `yes TEXT | head -c BYTES` prints. */
function hashOfRepeated(line: string, bytes: number): string {
  const block = Buffer.from(line.repeat(8_192));
  const hash = createHash("sha256");
  for (let left = bytes; left > 0; left -= block.byteLength) hash.update(block.subarray(0, left));
  return hash.digest("hex");
}
