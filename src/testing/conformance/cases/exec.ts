import assert from "node:assert/strict";
import { ContainerState } from "../../../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../../../core/index.js";
import { exec } from "../../../streaming/index.js";
import { casesOf } from "../case.js";
import { collectText, endOf } from "../collect.js";

/** Exec: a command with streams. */
export const execCases = casesOf("streaming", {
  "exec-streams-both-outputs": {
    title: "Exec streams standard output and standard error separately",
    rule: "With ExecRequest.stdout and stderr, the session has a stream for each.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const session = await context.exec(id, context.commands.print("to stdout\n", "to stderr\n"));
      const end = await endOf(session);
      assert.deepEqual(end, { stdout: "to stdout\n", stderr: "to stderr\n", exitCode: 0 });
    },
  },
  "exec-reports-the-exit-code": {
    title: "Exec reports the exit code",
    rule: "The session of Exec ends with the command's exit code on its error channel.",
    async run(context) {
      const { id } = await context.sharedContainer();
      for (const code of [0, 1, 42, 255]) {
        const session = await context.exec(id, context.commands.exit(code));
        assert.equal((await endOf(session)).exitCode, code);
      }
    },
  },
  "exec-passes-input": {
    title: "Exec passes input and its end to the command",
    rule: "With ExecRequest.stdin, the data that the caller sends is the command's input, which ends when the caller ends it.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const session = await context.exec(id, context.commands.cat, { stdin: true });
      session.stdin?.end("some input, ünïcödé\n");
      assert.deepEqual(await endOf(session), { stdout: "some input, ünïcödé\n", stderr: "", exitCode: 0 });
    },
  },
  "exec-is-interactive": {
    title: "Exec is interactive",
    rule: "Output of Exec arrives before the input has ended.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const session = await context.exec(id, context.commands.cat, { stdin: true });
      const seen = collectText(session.stdout);
      session.stderr?.resume();
      for (const word of ["first\n", "second\n"]) {
        session.stdin?.write(word);
        await context.eventually(`${word.trim()} comes back`, () => seen.text.endsWith(word));
      }
      session.stdin?.end();
      assert.equal((await session.ended).exitCode, 0);
    },
  },
  "exec-without-input": {
    title: "a command of Exec without stdin has an empty input",
    rule: "With ExecRequest.stdin false, the command has no input.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const session = await context.exec(id, context.commands.cat);
      assert.deepEqual(await endOf(session), { stdout: "", stderr: "", exitCode: 0 });
    },
  },
  "exec-with-stderr-only": {
    title: "Exec streams only the requested outputs",
    rule: "With ExecRequest.stdout false and stderr true, the session has standard error only.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const session = await context.exec(id, context.commands.print("unseen", "seen"), { stdout: false });
      assert.equal(session.stdout, undefined);
      assert.deepEqual(await endOf(session), { stdout: "", stderr: "seen", exitCode: 0 });
    },
  },
  "exec-on-a-terminal-is-one-output": {
    title: "on a terminal, all output of Exec is standard output",
    rule: "With ExecRequest.tty, the command's two outputs are one stream, with a CR before each LF.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const expected = { stdout: "out\r\nerr\r\n", stderr: "", exitCode: 0 };
      // A terminal that closes while its command ends may lose output, which is another matter: about one of twenty on CRI-O.
      for (let attempt = 1; ; attempt++) {
        const session = await context.exec(id, context.commands.print("out\n", "err\n"), { tty: true });
        const end = await endOf(session);
        if (attempt < 4 && end.stdout.length < expected.stdout.length) continue;
        assert.deepEqual(end, expected);
        return;
      }
    },
  },
  "exec-on-a-terminal-has-its-size": {
    title: "a terminal of Exec has its initial size",
    rule: "The first message of the resize channel of Exec is the terminal's size.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const size = { columns: 101, rows: 31 };
      // The size is sent while the command starts, so its first lines may show no size.
      const session = await context.exec(id, context.commands.terminalSizes, { tty: true, size });
      const seen = collectText(session.stdout);
      await context.eventually("the command sees 31 rows and 101 columns", () =>
        seen.text.includes("31 101\r\n"),
      );
      await session.close();
    },
  },
  "exec-on-a-terminal-is-resized": {
    title: "a terminal of Exec is resized while the command runs",
    rule: "Each message of the resize channel of Exec changes the terminal's size.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const session = await context.exec(id, context.commands.terminalSizes, { tty: true, stdin: true });
      const seen = collectText(session.stdout);
      for (const [columns, rows] of [
        [55, 11],
        [200, 50],
      ] as const) {
        session.resize({ columns, rows });
        await context.eventually(`it has ${rows} rows`, () => seen.text.includes(`${rows} ${columns}\r\n`));
      }
      await session.close();
    },
  },
  "exec-over-websocket": {
    title: "Exec works over WebSocket",
    rule: "The streaming URL of Exec supports SPDY/3.1 and WebSocket (v4.channel.k8s.io).",
    async run(context) {
      const { id } = await context.sharedContainer();
      const command = context.commands.print("to stdout\n", "to stderr\n");
      const session = await context.exec(id, command, { transport: "websocket" });
      const end = await endOf(session);
      assert.deepEqual(end, { stdout: "to stdout\n", stderr: "to stderr\n", exitCode: 0 });
      assert.equal(session.transport, "websocket");
    },
  },
  "exec-of-no-program-fails": {
    title: "Exec of a missing program ends with an error, and the container keeps running",
    rule: "A command that cannot be started ends the Exec session with a failure instead of an exit code.",
    async run(context) {
      const container = await context.sharedContainer();
      const session = await context.exec(container.id, ["/no/such/program"]);
      session.stdout?.resume().on("error", () => undefined);
      session.stderr?.resume().on("error", () => undefined);
      const outcome = await session.ended.then(
        ({ exitCode }) => exitCode,
        (error: unknown) => error,
      );
      // CRI-O reports the exit code of its OCI runtime.
      assert.ok(isCriError(outcome) || (typeof outcome === "number" && outcome !== 0), `${outcome}`);
      assert.equal((await container.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "exec-urls-differ": {
    title: "Exec returns a new URL each time",
    rule: "ExecResponse.url has a token that works once: two requests return two URLs.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const request = { containerId: id, cmd: [...context.commands.exit(0)], stdout: true };
      const urls = [await context.runtime.exec(request), await context.runtime.exec(request)];
      assert.notEqual(urls[0]?.url, urls[1]?.url);
      for (const { url } of urls) assert.ok(URL.canParse(url, "http://127.0.0.1"), url);
    },
  },
  "exec-url-works-once": {
    title: "a URL of Exec works once, and the command is run once",
    rule: "ExecResponse.url is valid for one connection; a second one is refused.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const cmd = [...context.commands.print("once")];
      const { url } = await context.runtime.exec({ containerId: id, cmd, stdout: true });
      const streams = { stderr: false, signal: context.signal };
      assert.equal((await endOf(await exec(url, streams))).stdout, "once");
      await assert.rejects(exec(url, streams), isCriError);
    },
  },
  "exec-url-cannot-be-made-up": {
    title: "a URL of Exec with another token is refused",
    rule: "Only URLs that Exec returned accept connections.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const cmd = [...context.commands.print("never")];
      const { url } = await context.runtime.exec({ containerId: id, cmd, stdout: true });
      const another = url.replace(/[^/]+$/, "made-up-t0ken");
      assert.notEqual(another, url);
      await assert.rejects(exec(another, { stderr: false, signal: context.signal }), isCriError);
    },
  },
  "exec-leaves-the-container": {
    title: "the end of an Exec command does not end its container",
    rule: "Exec runs an additional process; the container's state and log do not change.",
    async run(context) {
      const container = await context.sharedContainer();
      const before = await container.status();
      await endOf(await context.exec(container.id, context.commands.print("not in the log\n")));
      assert.deepEqual(await container.status(), before);
      assert.deepEqual(await container.log("nothing", () => true), []);
    },
  },
});
