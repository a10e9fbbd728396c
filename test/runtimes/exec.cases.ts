import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { ExecOptions, ExecSession } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { eventually, type Pod, runPod, type Subject } from "./support.js";

const transports = ["spdy", "websocket"] as const;
const MiB = 2 ** 20;

/** Cases for commands in a container: exit codes, output, stdin, terminals and termination. */
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
  /** Kills the commands that match a pattern; a pattern such as `[s]leep` does not match its own grep. */
  const killMatching = (pattern: string) =>
    subject().cri.runCommand(containerId, [
      "sh",
      "-c",
      `ps | grep '${pattern}' | while read id _; do kill $id; done`,
    ]);
  const sh = (script: string, options?: ExecOptions) => exec(["sh", "-c", script], options);

  for (const transport of transports) {
    test(`${transport}: exit codes, signals, and commands that cannot start`, async () => {
      for (const code of [0, 1, 3, 126, 127, 255]) {
        const session = await sh(`echo out; echo err >&2; exit ${code}`, { transport });
        const [out, err, exit] = await Promise.all([
          textOf(session.stdout),
          textOf(session.stderr),
          session.ended,
        ]);
        assert.deepEqual([out, err, exit.exitCode, exit.signal], ["out\n", "err\n", code, undefined]);
        assert.equal(session.transport, transport);
        const isV5 = transport === "websocket" && subject().abilities.webSocketV5;
        assert.equal(session.protocol, isV5 ? "v5.channel.k8s.io" : "v4.channel.k8s.io");
      }
      assert.deepEqual(await (await sh("kill -9 $$", { transport })).ended, {
        exitCode: 137,
        signal: "SIGKILL",
      });
      for (const command of [["no-such-program"], ["/etc/passwd"], ["/tmp"]])
        await failure((await exec(command, { transport })).ended, "exec_not_started");
    });

    test(`${transport}: 64 MiB of stdout and 64 MiB of stderr arrive whole and separate`, async () => {
      const line = (word: string) => `yes ${word} | head -c ${64 * MiB}`;
      const session = await sh(`${line("output-of-the-command")} & ${line("error")} >&2; wait`, {
        transport,
      });
      const [out, err, exit] = await Promise.all([
        hashOf(session.stdout),
        hashOf(session.stderr),
        session.ended,
      ]);
      assert.equal(exit.exitCode, 0);
      assert.equal(out, hashOfRepeated("output-of-the-command\n", 64 * MiB));
      assert.equal(err, hashOfRepeated("error\n", 64 * MiB));
    });

    test(`${transport}: a slow reader loses no data and buffers little`, async (t) => {
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
      assert.equal((await session.ended).exitCode, 0);
      assert.equal(hash.digest("hex"), hashOfRepeated("slow\n", 48 * MiB));
      const grown = Math.round((rss - rssBefore) / MiB);
      t.diagnostic(`RSS grew by ${grown} MiB while 48 MiB were read slowly`);
      assert.ok(grown < 40, `RSS grew by ${grown} MiB`);
    });

    test(`${transport}: a terminal, its size, and the end of its stdin`, async () => {
      // Sizes and stdin have separate channels without a common order, so the script polls for the new size.
      const script =
        "until [ \"$(stty size)\" = '11 55' ]; do stty size; sleep 0.1; done; read line; echo got $line; cat";
      const size = { columns: 101, rows: 31 };
      await using session = await sh(script, { transport, tty: true, stdin: true, size });
      assert.equal(session.stderr, undefined);
      let text = "";
      session.stdout?.on("data", (part: Buffer) => {
        text += part.toString("latin1");
      });
      await eventually("the command sees the first size", () => text.includes("31 101"));
      session.resize({ columns: 55, rows: 11 });
      session.stdin?.write("typed\n");
      await eventually("the command read the line", () => text.includes("got typed"));
      session.stdin?.end("unfinished");
      assert.equal((await session.ended).exitCode, 0);
      assert.match(text, /unfinished/);
    });

    test(`${transport}: an abort ends the session at once, and so does a deadline`, async () => {
      const stop = new AbortController();
      const session = await exec(["sleep", "60"], { transport, signal: stop.signal });
      await pause(100);
      const began = performance.now();
      stop.abort(new Error("enough"));
      const error = await failure(session.ended, "aborted_by_caller");
      assert.equal((error.cause as Error).message, "enough");
      assert.ok(performance.now() - began < 1_000);
      assert.ok(session.stdout?.destroyed);
      const late = await exec(["sleep", "60"], { transport, timeoutMs: 150 });
      assert.equal((await failure(late.ended, "deadline")).code, "deadline_exceeded");
    });
  }

  test("64 MiB of stdin arrive whole, and cat exits at the end of its stdin", async () => {
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
    assert.equal((await session.ended).exitCode, 5);
    assert.equal(out.split(" ")[0], hash.digest("hex"));
    const { stdout } = await subject().cri.runCommand(containerId, ["cat"], { input: "echo me" });
    assert.equal(stdout, "echo me");
  });

  test("WebSocket rejects a stdin that must end before v5, and works with keepStdinOpen", async () => {
    const cat = exec(["cat"], { transport: "websocket", stdin: true });
    if (subject().abilities.webSocketV5) {
      const session = await cat;
      session.stdin?.end("all of it");
      assert.equal(await textOf(session.stdout), "all of it");
      assert.equal((await session.ended).exitCode, 0);
    } else await failure(cat, "stdin_end_unsupported");
    const session = await sh("read line; echo got $line", {
      transport: "websocket",
      stdin: true,
      keepStdinOpen: true,
    });
    session.stdin?.write("this\n");
    assert.equal(await textOf(session.stdout), "got this\n");
    assert.equal((await session.ended).exitCode, 0);
  });

  test("a command that does not read its stdin does not hang the session", async () => {
    const session = await exec(["head", "-c", "5"], { stdin: true, exitGraceMs: 500 });
    const fed = (async () => {
      for (let part = 0; part < 64 && !session.stdin?.destroyed; part++)
        if (session.stdin && !session.stdin.write(Buffer.alloc(MiB / 4)))
          await Promise.race([once(session.stdin, "drain"), session.ended.catch(() => undefined)]);
      session.stdin?.end();
    })();
    const out = await textOf(session.stdout).catch(() => "");
    // containerd reports the exit code; with much unread stdin, it may omit the exit code or reset the connection, which
    // loses the data in flight.
    const exit = await session.ended.catch((error) => error.reason);
    if (exit !== "connection_lost") {
      assert.ok(exit === "exit_unknown" || exit.exitCode === 0, String(exit));
      assert.equal(out.length, 5);
    }
    await fed;
  });

  test("an endless stdin is closed when the command exits", async () => {
    for (const kill of [false, true]) {
      const session = await exec(["head", "-c", "1"], { stdin: true, stderr: false, killOnClose: kill });
      assert.ok(session.stdin);
      const source = new PassThrough();
      const piped = pipeline(source, session.stdin).catch((error) => error.code);
      source.write("one");
      assert.equal(await textOf(session.stdout), "o");
      assert.equal((await session.ended).exitCode, 0);
      assert.equal(await piped, "ERR_STREAM_PREMATURE_CLOSE");
      assert.ok(source.destroyed);
    }
  });

  test("a command that exits at once without output is not mistaken for one that could not start", async () => {
    for (const tty of [false, true])
      for (const exitCode of [0, 1, 126, 127, 255])
        for (let round = 0; round < 3; round++) {
          const run = subject().cri.runCommand(containerId, ["sh", "-c", `exit ${exitCode}`], { tty });
          assert.deepEqual(await run, { exitCode, signal: undefined, stdout: "", stderr: "" });
        }
  });

  test("a used URL fails with stream_url_spent", async () => {
    const { exec: open } = await import("../../src/streaming/index.js");
    const { url } = await subject().cri.runtime.exec({ containerId, cmd: ["true"], stdout: true });
    const session = await open(url, { stderr: false });
    assert.equal((await session.ended).exitCode, 0);
    await failure(open(url, { stderr: false }), "stream_url_spent");
    await failure(open(new URL("/exec/unknown", url).href), "stream_url_spent");
  });

  test("runCommand: text, bytes, the output limit, and no process remains running", async () => {
    const { cri } = subject();
    const run = cri.runCommand(containerId, ["sh", "-c", "wc -c; echo e >&2; exit 4"], {
      input: "twelve bytes",
    });
    assert.deepEqual(await run, { exitCode: 4, signal: undefined, stdout: "12\n", stderr: "e\n" });
    const bytes = await cri.runCommand(containerId, ["head", "-c", "3", "/dev/zero"], { encoding: "buffer" });
    assert.deepEqual([...bytes.stdout], [0, 0, 0]);
    await failure(
      cri.runCommand(containerId, ["no-such-program"], { killOnClose: true }),
      "exec_not_started",
    );
    await failure(cri.runCommand(containerId, []), "invalid_request");
    await failure(
      cri.runCommand(containerId, ["yes"], { maxOutputBytes: 100_000, killOnClose: true }),
      "output_limit",
    );
    await failure(
      cri.runCommand(containerId, ["sh", "-c", "sleep 4001 & sleep 4002"], {
        timeoutMs: 300,
        killOnClose: true,
      }),
      "deadline",
    );
    const failing = (async function* () {
      yield "some";
      throw new Error("no more");
    })();
    const broken = await failure(
      cri.runCommand(containerId, ["cat"], { input: failing, killOnClose: true }),
      "aborted_by_caller",
    );
    assert.match(broken.rawMessage, /no more/);
    await eventually("all commands were killed", async () => {
      const { stdout } = await cri.runCommand(containerId, ["ps"]);
      return !/yes|sleep 400|\bcat\b/.test(stdout);
    });
  });

  test("killOnClose kills the command: by kill(), on a terminal, and after an abort before its start", async () => {
    const { cri } = subject();
    const stopped = await cri.exec(containerId, ["sleep", "5001"], { killOnClose: true });
    await stopped.kill("SIGTERM");
    assert.deepEqual(await stopped.ended, { exitCode: 143, signal: "SIGTERM" });
    await stopped.kill();
    const terminal = await cri.exec(containerId, ["sleep", "5002"], {
      killOnClose: true,
      tty: true,
      stdin: true,
    });
    terminal.stdin?.write("typed before the command began");
    await terminal.close();
    await failure(terminal.ended, "client_closed");
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 1);
    const early = cri.exec(containerId, ["sleep", "5003"], { killOnClose: true, signal: stop.signal });
    await failure(
      early.then(({ ended: exit }) => exit),
      "aborted_by_caller",
    );
    // The last command was aborted before its start; it is killed as soon as it starts.
    await eventually(
      "all commands exited",
      async () => !/sleep 500/.test((await cri.runCommand(containerId, ["ps"])).stdout),
    );
    const output = await cri.exec(containerId, ["sh", "-c", "echo first; echo second >&2"], {
      killOnClose: true,
    });
    assert.deepEqual(await Promise.all([textOf(output.stdout), textOf(output.stderr)]), [
      "first\n",
      "second\n",
    ]);
  });

  test("with and without killOnClose, a command is executed and never interpreted by a shell", async () => {
    const { cri } = subject();
    // The file types as the kernel sees them; busybox is the only program of the image.
    const prepare = [
      "cd /tmp; printf 'echo interpreted\\n' > plain; printf '#!/no/such\\necho interpreted\\n' > missing; : > empty",
      "head -c 4096 /bin/sh > object; printf '\\001' | dd of=object bs=1 seek=16 conv=notrunc 2>/dev/null",
      "cp /bin/sh foreign; printf '\\376' | dd of=foreign bs=1 seek=18 conv=notrunc 2>/dev/null",
      "printf '#! /bin/sh\\necho \"$#\" \"$@\"\\n' > script; printf '#!/tmp/script one\\n' > nested",
      "chmod 755 plain missing empty object foreign script nested",
    ];
    const prepared = await cri.runCommand(containerId, ["sh", "-ec", prepare.join("\n")]);
    assert.deepEqual([prepared.exitCode, prepared.stderr], [0, ""]);
    const refused = [["/etc"], ["cd", "/"], ["exit", "3"], ["export"], ["if"], ["/etc/passwd"], ["no-such"]];
    const files = ["plain", "missing", "empty", "object", "foreign"].map((name) => [`/tmp/${name}`]);
    for (const killOnClose of [false, true]) {
      // Without killOnClose, runc reports what the kernel refuses as output, with exit code 1.
      for (const command of killOnClose ? [...refused, ...files] : refused) {
        const outcome = await cri.runCommand(containerId, command, { killOnClose }).catch((error) => error);
        assert.equal(outcome.reason, "exec_not_started", `${command}: ${JSON.stringify(outcome)}`);
      }
      for (const [command, stdout] of [
        [["echo", "$HOME", "-n"], "$HOME -n\n"],
        [["/tmp/script", "a b"], "1 a b\n"],
        [["/tmp/nested", "x"], "3 one /tmp/nested x\n"],
      ] as const)
        assert.deepEqual(await cri.runCommand(containerId, command, { killOnClose }), {
          ...{ exitCode: 0, signal: undefined, stdout, stderr: "" },
        });
    }
  });

  test("disconnecting kills the command, except on containerd 1.6 and 1.7, which leave it running", async () => {
    const { cri, abilities } = subject();
    const stop = new AbortController();
    const session = await exec(["sleep", "6100"], { signal: stop.signal });
    const other = await exec(["sleep", "6101"]);
    await pause(300);
    stop.abort();
    await other.close();
    await failure(session.ended, "aborted_by_caller");
    await failure(other.ended, "client_closed");
    const remaining = async () =>
      (await cri.runCommand(containerId, ["ps"])).stdout.match(/sleep 610[01]/g)?.length ?? 0;
    if (abilities.killsOnDisconnect)
      await eventually("both commands exited", async () => (await remaining()) === 0);
    else {
      await pause(500);
      assert.equal(await remaining(), 2);
      await killMatching("[s]leep 610");
    }
  });

  test("detach leaves the command running on every runtime", async () => {
    const { cri } = subject();
    const session = await exec(["sleep", "6001"]);
    await pause(200);
    await session.detach();
    await failure(session.ended, "client_closed");
    await pause(200);
    const { stdout } = await cri.runCommand(containerId, ["ps"]);
    assert.match(stdout, /sleep 6001/);
    await killMatching("[s]leep 6001");
  });
}

/** Cases that kill the daemon during a session; separate, because other cases share the daemon. */
export function execRestartCases(subject: () => Subject): void {
  test("a session rejects with connection_lost when the daemon is killed", async () => {
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
      for (const { ended: exit } of sessions)
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

/** Returns the hash of the output of `yes TEXT | head -c BYTES`. */
function hashOfRepeated(line: string, bytes: number): string {
  const block = Buffer.from(line.repeat(8_192));
  const hash = createHash("sha256");
  for (let rest = bytes; rest > 0; rest -= block.byteLength) hash.update(block.subarray(0, rest));
  return hash.digest("hex");
}
