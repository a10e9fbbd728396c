// The command: its options, its demo, and how it ends.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { type TestContext, test } from "node:test";
import { readCommand, UsageError } from "../../examples/console/command.js";
import { nodeArgs } from "../support/checkout.js";
import { cleanup } from "../support/cleanup.js";
import { until, within } from "../support/waiting.js";

test("options have defaults, and wrong ones are refused with their value", () => {
  assert.deepEqual(readCommand([]), {
    ...{ endpoint: undefined, isDemo: false, port: 0, intervalMs: 2_000, isReadOnly: false },
  });
  assert.deepEqual(readCommand(["--demo", "--port", "8080", "--interval", "0.5", "--read-only"]), {
    ...{ endpoint: undefined, isDemo: true, port: 8_080, intervalMs: 500, isReadOnly: true },
  });
  assert.equal(readCommand(["-h"]), "help");
  const refused: readonly [args: string[], error: RegExp][] = [
    [["--port", "65536"], /--port: must be a port, got "65536"/],
    [["--interval", "0"], /--interval: must be from 0.5 to 60 seconds, got "0"/],
    [["--interval", "x"], /got "x"/],
    [["--endpoint", "unix:///x", "--demo"], /cannot be combined/],
    [["--unknown"], /--unknown/],
    [["file"], /file/],
  ];
  for (const [args, error] of refused)
    assert.throws(
      () => readCommand(args),
      (thrown) => thrown instanceof UsageError && error.test(thrown.message),
    );
});

function run(t: TestContext, ...args: string[]) {
  const child = spawn(process.execPath, nodeArgs("examples/console/main.ts", ...args), {
    stdio: ["ignore", "pipe", "pipe"],
  });
  cleanup(t, () => end(child, "SIGKILL"));
  const output = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    output.err += text;
  });
  return { child, output };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await within(20_000, once(child, "close"), `the end by ${signal}`);
}

test("the demo prints a link, which opens the page; SIGTERM ends it", { timeout: 60_000 }, async (t) => {
  const { child, output } = run(t, "--demo");
  await until(() => output.out.includes("token="), "the link");
  const link = /http:\S+/.exec(output.out)?.[0] ?? "";
  const opening = request(link, { agent: false });
  opening.end();
  const [answer] = await within(10_000, once(opening, "response"), "the answer");
  answer.resume();
  assert.equal(answer.statusCode, 303);
  await end(child, "SIGTERM");
  assert.equal(child.exitCode, 0);
  assert.equal(output.err, "");
});

test("--help exits with 0, a wrong option with 2", { timeout: 60_000 }, async (t) => {
  const help = run(t, "--help");
  await within(20_000, once(help.child, "close"), "--help");
  assert.equal(help.child.exitCode, 0);
  assert.match(help.output.out, /^usage: npm run console/);
  const wrong = run(t, "--ports", "1");
  await within(20_000, once(wrong.child, "close"), "a wrong option");
  assert.equal(wrong.child.exitCode, 2);
  assert.match(wrong.output.err, /--ports/);
});

test("a port that is in use is an error", { timeout: 60_000 }, async (t) => {
  const first = run(t, "--demo");
  await until(() => first.output.out.includes("token="), "the link");
  const port = new URL(/http:\S+/.exec(first.output.out)?.[0] ?? "").port;
  const second = run(t, "--demo", "--port", port);
  await within(30_000, once(second.child, "close"), "the second console");
  assert.equal(second.child.exitCode, 1);
  assert.match(second.output.err, new RegExp(`port ${port} is in use`));
  await end(first.child, "SIGTERM");
});
