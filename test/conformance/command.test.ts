// `npm run conformance`, in a child process.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime, type RuntimeLike } from "../../src/testing/index.js";
import { checkout, nodeArgs } from "../support/checkout.js";
import { cleanup } from "../support/cleanup.js";
import { watchChild } from "../support/commands.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

/** Starts the command. `preload` is JavaScript that runs before it. */
function start(t: TestContext, args: readonly string[], preload?: string) {
  const imports =
    preload === undefined ? [] : ["--import", `data:text/javascript,${encodeURIComponent(preload)}`];
  const child = spawn(process.execPath, [...imports, ...nodeArgs("scripts/conformance.ts", ...args)], {
    cwd: checkout,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { output, closed } = watchChild(t, child);
  return {
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    ended: async () => {
      const [code] = await within(90_000, closed, "the end of the command");
      return { code, ...output };
    },
  };
}

/** Starts a runtime on a socket. `pods()` returns the number of its pods. */
async function startRuntime(t: TestContext, like?: RuntimeLike) {
  const socket = join(await tempFolder(t), "cri.sock");
  const runtime = await EmbeddedRuntime.start({ socket, like });
  cleanup(t, () => runtime.close());
  const cri = connect.through(runtime);
  cleanup(t, () => cri.close());
  return { socket, pods: async () => (await cri.runtime.listPodSandbox({})).items.length };
}

test("--help and --list need no runtime", async (t) => {
  const help = await start(t, ["--help"]).ended();
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^usage: npm run conformance.*--filter TEXT.*--timeout SECONDS/s);
  const list = await start(t, ["--list", "--filter", "initial SIZE"]).ended();
  assert.equal(list.code, 0);
  assert.match(list.stdout, /^streaming\.exec-on-a-terminal-has-its-size\n {4}The first message [^\n]+\n$/);
});

test("the deviations of a runtime and of its driver", async (t) => {
  const { socket } = await startRuntime(t, "cri-o");
  const ids = ["sandbox.status-has-the-labels", "container.starts-in-its-directory"];
  const args = [...ids.flatMap((id) => ["--only", id]), `unix://${socket}`];
  const both = ["cri-o-1.37", "embedded-host"].flatMap((name) => ["--deviations", name]);
  assert.equal((await start(t, [...both, ...args]).ended()).code, 0);
  assert.equal((await start(t, args).ended()).code, 1);
});

test("invalid arguments", async (t) => {
  const { socket } = await startRuntime(t);
  for (const [args, expected] of [
    [["--filter", "nothing has this"], /^--filter nothing has this: no case/],
    [["--timeout", "soon"], /^--timeout must be a number of seconds, got soon/],
    [["--only", "sandbox.none", socket], /only.*"sandbox\.none"/],
    [["--frobnicate"], /--frobnicate/],
  ] as const) {
    const { code, stdout, stderr } = await start(t, args).ended();
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, expected);
  }
});

test("a runtime that cannot be reached is a report with a problem", async (t) => {
  const { code, stdout } = await start(t, ["unix:///nonexistent/cri.sock"]).ended();
  assert.equal(code, 1);
  assert.match(stdout, /^FAIL {2}.*\/nonexistent\/cri\.sock.*\ndoes NOT conform: no cases/m);
});

const oneCase = ["--filter", "exit-code-is-kept"];

test("--filter selects cases; the report is printed and nothing is left", async (t) => {
  const { socket, pods } = await startRuntime(t);
  const { code, stdout, stderr } = await start(t, [...oneCase, socket]).ended();
  assert.deepEqual([code, stderr], [0, ""], stdout);
  assert.match(stdout, /^conforms: \d+ passed in /m);
  assert.equal(await pods(), 0);
});

test("an error that a case does not handle is a problem in the report, and the run goes on", async (t) => {
  const { socket, pods } = await startRuntime(t);
  const stray = `const timer = setInterval(() => {
    if (process.listenerCount("unhandledRejection") === 0) return;
    clearInterval(timer);
    Promise.reject(new Error("a stray rejection"));
    setImmediate(() => { throw new Error("a stray error"); });
  }, 1)`;
  const { code, stdout } = await start(t, [...oneCase, "--format", "json", socket], stray).ended();
  assert.equal(code, 1);
  const report = JSON.parse(stdout);
  assert.deepEqual([report.ok, report.counts.failed, report.counts.passed > 0], [false, 0, true]);
  assert.match(report.problems.join("\n"), /unhandledRejection: Error: a stray rejection/);
  assert.match(report.problems.join("\n"), /uncaughtException: Error: a stray error/);
  assert.equal(await pods(), 0);
});

test("an interrupted run removes its pods and reports the cases that have ended", async (t) => {
  const { socket, pods } = await startRuntime(t);
  const command = start(t, ["--group", "container", "--group", "limits", socket]);
  await until(async () => (await pods()) > 0, "a pod runs", 60_000);
  command.kill("SIGTERM");
  const { code, stdout } = await command.ended();
  assert.equal(code, 1);
  assert.match(stdout, /^FAIL {2}interrupted by SIGTERM; everything that the run created was removed$/m);
  assert.match(stdout, /^does NOT conform: /m);
  assert.equal(await pods(), 0);
});
