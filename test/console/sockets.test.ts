// Logs and terminals: what they carry, their back-pressure, and their end.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { LogMessage, TerminalMessage } from "../../examples/console/messages.js";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime, type Programs } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { openConsole, type TestSocket } from "../support/console.js";
import { busybox, scripted } from "../support/embedded.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

const linesOf = (socket: TestSocket) =>
  socket.messages<LogMessage>().flatMap((message) => (message.type === "lines" ? message.lines : []));

/** A node with one container, whose log is in a temporary folder. */
async function logging(t: Parameters<typeof scripted>[0], programs: Programs, command: readonly string[]) {
  const { cri, runtime } = await scripted(t, { programs });
  const pod = await cri.pods.run({ name: "a", namespace: "test", logDirectory: await tempFolder(t) });
  const container = await pod.runContainer({ name: "main", image: busybox, command: [...command] });
  const own = await openConsole(t, cri);
  return { cri, runtime, pod, container, own };
}

test("a log is followed until its container ends", async (t) => {
  let print = (_: string) => {};
  let end = () => {};
  const { container, own } = await logging(
    t,
    {
      async talk({ stdout, stderr }) {
        print = (text) => stdout.write(text);
        stderr.write("<b>first</b>\n");
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        return 4;
      },
    },
    ["talk"],
  );
  const socket = await own.socket(`/log?container=${container.id}`);
  await until(() => linesOf(socket).length === 1, "the first line");
  print("second\nthird\n");
  await until(() => linesOf(socket).length === 3, "the next lines");
  assert.deepEqual(
    linesOf(socket).map(([, stream, text]) => [stream, text]),
    [
      ["stderr", "<b>first</b>"],
      ["stdout", "second"],
      ["stdout", "third"],
    ],
  );
  end();
  await until(() => socket.isClosed, "the end of the socket");
  assert.deepEqual(socket.messages<LogMessage>().at(-1), { type: "end", text: "container_ended" });
  const { body } = await own.request(`/api/lines?container=${container.id}&tail=2`);
  assert.deepEqual(
    JSON.parse(body).map(([, , text]: [number, string, string]) => text),
    ["second", "third"],
  );
});

test("a page that shows nothing is sent a few messages; more follow what it has shown", async (t) => {
  const { container, own } = await logging(
    t,
    {
      flood({ stdout }) {
        for (let n = 0; n < 5_000; n++) stdout.write(`line ${n}\n`);
      },
    },
    ["flood"],
  );
  await container.wait();
  const socket = await own.socket(`/log?container=${container.id}&tail=5000`);
  await until(() => socket.texts.length === 8, "eight messages");
  await pause(200);
  assert.equal(socket.texts.length, 8);
  socket.send({ type: "shown", messages: 2 });
  await until(() => socket.texts.length === 10, "two more");
  let shown = 2;
  socket.socket.on("message", () => socket.send({ type: "shown", messages: 1 }));
  while (!socket.isClosed) {
    shown = Math.min(8, shown);
    socket.send({ type: "shown", messages: shown });
    await pause(10);
  }
  assert.deepEqual(
    linesOf(socket).map(([, , text]) => text),
    Array.from({ length: 5_000 }, (_, n) => `line ${n}`),
  );
});

test("a closed page ends the reading of a log, and a missing container is an error", async (t) => {
  const { container, own } = await logging(t, { run: ({ clock }) => clock.sleep(600_000) }, ["run"]);
  const socket = await own.socket(`/log?container=${container.id}`);
  socket.socket.terminate();
  const missing = await own.socket(`/log?container=${"0".repeat(64)}`);
  await until(() => missing.isClosed, "the end");
  const [message] = missing.messages<LogMessage>();
  assert.equal(message?.type, "error");
  const origin = `http://${own.host}`;
  const headers = { Cookie: own.cookie };
  for (const query of ["", "container=1&tail=x", "container=1&tail=5001", "container=1&tail=-1"])
    assert.equal(await own.refusal(`/log?${query}`, headers, { origin }), 400, query);
  // That the file is closed, checkLeaks() finds out.
});

test("a terminal in a real process: input, size, exit code, and the end with the page", {
  timeout: 120_000,
}, async (t) => {
  checkLeaks(t);
  const runtime = await EmbeddedRuntime.start({ preload: [busybox] });
  cleanup(t, () => runtime.close());
  const cri = connect.through(runtime);
  cleanup(t, () => cri.close());
  const pod = await cri.pods.run({ name: "a", namespace: "test", logDirectory: await tempFolder(t) });
  const { id } = await pod.runContainer({ name: "main", image: busybox, command: ["sleep", "600"] });
  const own = await openConsole(t, cri);

  const terminal = await own.socket(`/terminal?container=${id}&columns=90&rows=20`);
  terminal.socket.on("message", (_, isBinary) => {
    if (isBinary) terminal.send({ type: "shown", messages: 1 });
  });
  await until(() => terminal.messages<TerminalMessage>()[0]?.type === "started", "the shell");
  terminal.socket.send(Buffer.from("stty size; echo $((6 * 7))\n"));
  await until(() => /\b20 90\r\n42\r\n/.test(terminal.output), "the size and the sum");
  terminal.send({ type: "resize", columns: 120, rows: 33 });
  await until(async () => {
    terminal.socket.send(Buffer.from("stty size\n"));
    await pause(50);
    return /\b33 120\r\n/.test(terminal.output);
  }, "the new size");
  terminal.socket.send(Buffer.from("exit 7\n"));
  await until(() => terminal.isClosed, "the end of the terminal");
  assert.deepEqual(terminal.messages<TerminalMessage>().at(-1), { type: "exit", exitCode: 7 });

  const left = await own.socket(`/terminal?container=${id}`);
  await until(() => left.messages<TerminalMessage>()[0]?.type === "started", "the second shell");
  left.socket.send(Buffer.from("echo pid=$$.; sleep 1000\n"));
  await until(() => /pid=\d+\./.test(left.output), "its process id");
  const pid = Number(/pid=(\d+)\./.exec(left.output)?.[1]);
  left.socket.terminate();
  await until(() => isGone(pid), "the shell is killed");
});

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

test("output that the page does not show stops the command", { timeout: 60_000 }, async (t) => {
  let written = 0;
  const { container, own } = await logging(
    t,
    {
      run: ({ clock }) => clock.sleep(600_000),
      async sh({ stdout, signal }) {
        while (!signal.aborted) {
          written += 16_384;
          if (!stdout.write("x".repeat(16_384))) await once(stdout, "drain", { signal });
        }
      },
    },
    ["run"],
  );
  const terminal = await own.socket(`/terminal?container=${container.id}`);
  await until(() => terminal.chunks.length === 8, "eight messages");
  let before = 0;
  await until(async () => {
    before = written;
    await pause(300);
    return written === before;
  }, "the command waits");
  assert.equal(terminal.chunks.length, 8);
  assert.ok(written < 2 ** 25, `${written} bytes are under way`);
  await until(async () => {
    // What the streams and sockets on the way hold comes first.
    terminal.send({ type: "shown", messages: 8 });
    await pause(5);
    return written > before;
  }, "it goes on");
});

test("what cannot run is an error in the terminal, and wrong parameters are refused", async (t) => {
  const { container, own } = await logging(t, { run: ({ clock }) => clock.sleep(600_000) }, ["run"]);
  const terminal = await own.socket(`/terminal?container=${container.id}&command=none%20-x`);
  await until(() => terminal.isClosed, "the end");
  const message = terminal.messages<TerminalMessage>().at(-1);
  assert.ok(message?.type === "error" && /none/.test(message.text), JSON.stringify(message));
  const headers = { Cookie: own.cookie };
  const options = { origin: `http://${own.host}` };
  for (const query of [
    "",
    "container=1&columns=0",
    "container=1&rows=1001",
    "container=1&command=%20",
    "container=1&rows=x",
  ])
    assert.equal(await own.refusal(`/terminal?${query}`, headers, options), 400, query);
  assert.equal(await own.refusal("/other", headers, options), 404);
});

test("messages that no page sends are ignored", async (t) => {
  const { container, own } = await logging(
    t,
    { run: ({ clock }) => clock.sleep(600_000), sh: ({ clock }) => clock.sleep(600_000) },
    ["run"],
  );
  const terminal = await own.socket(`/terminal?container=${container.id}`);
  await until(() => terminal.texts.length > 0, "the start");
  for (const text of [
    "",
    "{",
    "null",
    '{"type":"resize","columns":-1,"rows":2}',
    '{"type":"shown","messages":1e9}',
    "[]",
  ])
    terminal.socket.send(text);
  terminal.send({ type: "resize", columns: 100, rows: 50 });
  await pause(100);
  assert.equal(terminal.isClosed, false);
});

test("closing the console ends its logs and terminals", async (t) => {
  const { container, own } = await logging(
    t,
    { run: ({ clock }) => clock.sleep(600_000), sh: ({ clock }) => clock.sleep(600_000) },
    ["run"],
  );
  const terminal = await own.socket(`/terminal?container=${container.id}`);
  const log = await own.socket(`/log?container=${container.id}`);
  await until(() => terminal.texts.length > 0, "the start");
  await within(10_000, own.console.close(), "close()");
  await until(() => terminal.isClosed && log.isClosed, "both are closed");
  await own.console.close();
});
