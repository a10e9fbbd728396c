import assert from "node:assert/strict";
import { test } from "node:test";
import type { DriverProcess } from "../../../src/testing/embedded/driver.js";
import { command, createIdleContainer, openDriver, outcomeOf, sh } from "../../support/host-driver.js";
import { until, within } from "../../support/waiting.js";

const withoutProc = process.platform === "linux" ? false : "needs script of util-linux";

test("a terminal has one output with its own line ends, and the exit code is the command's", {
  skip: withoutProc,
}, async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const script = `test -t 0 && test -t 1 && test -t 2 && echo "all $TERM"; echo err >&2; exit 9`;
  const started = await driver.start(container, sh(script, { tty: true }));
  assert.equal(started.stderr, undefined);
  assert.deepEqual(await outcomeOf(started), { stdout: "all xterm\r\nerr\r\n", stderr: "", exitCode: 9 });
});

test("a command on a terminal gets its arguments and environment unchanged", {
  skip: withoutProc,
}, async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const args = ["a b", "it's", '"$HOME"', "`id`", "x\ny", "", "\\", "é", "-c"];
  const spec = command(["printf", "<%s>", ...args], {
    tty: true,
    env: { "odd.name": "it's", SHELL: "/bin/false" },
  });
  const { stdout } = await outcomeOf(await driver.start(container, spec));
  assert.equal(
    stdout,
    args
      .map((arg) => `<${arg}>`)
      .join("")
      .replaceAll("\n", "\r\n"),
  );
  const env = await outcomeOf(await driver.start(container, { ...spec, args: ["env"] }));
  assert.match(env.stdout, /^odd\.name=it's\r$/m);
  assert.match(env.stdout, /^SHELL=\/bin\/false\r$/m);
  assert.match(env.stdout, /^PWD=/m);
});

test("a terminal echoes its input, and the end of stdin ends it as Ctrl-D does", {
  skip: withoutProc,
}, async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const cases = [
    ["typed\n", "typed\r\ntyped\r\n"],
    ["typed", "typedtyped"],
    ["", ""],
  ] as const;
  for (const [input, output] of cases) {
    const started = await driver.start(container, command(["cat"], { tty: true, stdin: true }));
    started.stdin?.end(input);
    assert.deepEqual(await within(10_000, outcomeOf(started), JSON.stringify(input)), {
      stdout: output,
      stderr: "",
      exitCode: 0,
    });
  }
});

test("a terminal can be resized, and the command gets SIGWINCH", { skip: withoutProc }, async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done";
  const started = await driver.start(container, sh(script, { tty: true, stdin: true }));
  const seen = collect(started);
  await until(() => seen().includes("ready"), "a start");
  for (const [rows, columns] of [
    [24, 80],
    [50, 132],
  ] as const) {
    started.resize({ rows, columns });
    await until(() => seen().includes(`${rows} ${columns}\r\n`), `${rows}x${columns} in ${seen()}`);
  }
  started.kill("SIGTERM");
  assert.equal((await within(5_000, started.exit)).exitCode, 143);
  started.resize({ rows: 1, columns: 1 });
});

test("signals reach the command on a terminal, and SIGKILL also its descendants", {
  skip: withoutProc,
}, async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const script = "trap 'echo got; exit 5' USR1; echo ready; while :; do sleep 0.05; done";
  const polite = await driver.start(container, sh(script, { tty: true }));
  const seen = collect(polite);
  await until(() => seen().includes("ready"), "a start");
  polite.kill("SIGUSR1");
  assert.equal((await within(5_000, polite.exit)).exitCode, 5);
  assert.match(seen(), /got/);
  const deep = await driver.start(container, sh("setsid sleep 500 & sleep 500", { tty: true }));
  await until(async () => (await driver.usage(container))?.processes === 5, "five processes");
  deep.kill("SIGKILL");
  assert.equal((await within(5_000, outcomeOf(deep))).exitCode, 137);
  await until(async () => (await driver.usage(container))?.processes === 1, "one process left");
});

test("Ctrl-C on a terminal interrupts the command", { skip: withoutProc }, async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const started = await driver.start(container, sh("echo ready; exec sleep 500", { tty: true, stdin: true }));
  const seen = collect(started);
  await until(() => seen().includes("ready"), "a start");
  started.stdin?.write("\x03");
  assert.equal((await within(5_000, started.exit)).exitCode, 130);
});

function collect(process: DriverProcess): () => string {
  let text = "";
  process.stdout.on("data", (chunk) => {
    text += chunk;
  });
  return () => text;
}
