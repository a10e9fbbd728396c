// `npm start` on a machine without a runtime.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { discover } from "../../../src/index.js";
import { checkout, nodeArgs } from "../../support/checkout.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

const file = "examples/quickstart.ts";
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
let hasRuntime = false;

before(async () => {
  hasRuntime = (await discover()).some(({ error }) => error === undefined);
});

interface Run {
  readonly root?: string;
  readonly env?: Record<string, string>;
  readonly uid?: number;
}

/** Starts the quickstart with a minimal environment and a temporary folder of its own. */
async function start(t: TestContext, { root = checkout, env, uid }: Run = {}) {
  const temporary = await tempFolder(t);
  await chmod(temporary, 0o777);
  const args = nodeArgs(file).map((arg) => arg.replace(checkout, root));
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", TMPDIR: temporary, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part) => {
      output += part;
    });
  cleanup(t, () => child.kill("SIGKILL"));
  return {
    child,
    output: () => output,
    async ended() {
      const [code] = await within(60_000, once(child, "close"), `the quickstart; output: ${output}`);
      return { code, output, left: await readdir(temporary), processes: processesWith(temporary) };
    },
  };
}

/** Lists the processes with a folder in their environment: those of the quickstart's containers. */
function processesWith(folder: string): string[] {
  const { stdout } = spawnSync("ps", ["-e", "-ww", "-E"], { encoding: "utf8" });
  const { stdout: linux } = spawnSync("ps", ["axeww", "-o", "args"], { encoding: "utf8" });
  return `${stdout}\n${linux}`.split("\n").filter((line) => line.includes(folder));
}

const steps = [
  ...["version", "pull", "sandbox", "status", "create", "start", "exec", "stream", "stats", "stop", "remove"],
  ...["stop pod", "remove pod", "untag", "events"],
];

test("the quickstart prints each step with its duration, and leaves no files or processes", async (t) => {
  if (hasRuntime) return t.skip("this machine has a runtime");
  const { code, output, left, processes } = await (await start(t)).ended();
  assert.equal(code, 0, output);
  assert.match(output, /^No runtime responds on this machine/);
  const shown = [...output.matchAll(/^(\w+(?: pod)?) +[\d.]+ ms/gm)].map(([, name]) => name);
  assert.deepEqual(shown, steps);
  assert.match(output, /exec .*exit code 0: hello from quickstart/);
  assert.match(output, /stream .*exit code 0: SENT IN SMALL LETTERS/);
  assert.match(output, /events .*pod created, pod started, container created, .*pod deleted/);
  assert.ok(!output.includes("\x1b"), "no escape sequences without a terminal");
  assert.deepEqual([left, processes], [[], []]);
});

test("the quickstart runs as an unprivileged user without a home directory", async (t) => {
  if (!isRoot) return t.skip("only root can change the user");
  const root = await readableBy(t, nobody);
  const { code, output, left, processes } = await (await start(t, { root, uid: nobody })).ended();
  assert.equal(code, 0, output);
  assert.match(output, /done; everything was removed\n$/);
  assert.deepEqual([left, processes], [[], []]);
});

for (const signal of ["SIGINT", "SIGTERM"] as const)
  test(`the quickstart cleans up after ${signal}`, async (t) => {
    if (hasRuntime) return t.skip("this machine has a runtime");
    const running = await start(t);
    await until(() => running.output().includes("\nstart "), "the container runs", 30_000);
    running.child.kill(signal);
    const { code, output, left, processes } = await running.ended();
    assert.equal(code, 1);
    assert.match(output, new RegExp(`remove pod(?:.|\n)*The quickstart failed: ended by ${signal}\n$`));
    assert.deepEqual([left, processes], [[], []]);
  });

test("the quickstart prints a hint when the configured runtime is not running", async (t) => {
  const env = { CONTAINER_RUNTIME_ENDPOINT: "/no/such.sock" };
  const { code, output } = await (await start(t, { env })).ended();
  assert.equal(code, 1);
  assert.match(output, /The quickstart failed: .*no socket at \/no\/such\.sock/);
  assert.match(output, /CONTAINER_RUNTIME_ENDPOINT=unix:\/\/\/path npm start\n$/);
});

test("the quickstart prints the error when it cannot create temporary files", async (t) => {
  if (hasRuntime) return t.skip("this machine has a runtime");
  const folder = await tempFolder(t);
  await mkdir(join(folder, "tmp"));
  await writeFile(join(folder, "tmp/file"), "");
  const env = { TMPDIR: join(folder, "tmp/file") };
  const { code, output } = await (await start(t, { env })).ended();
  assert.notEqual(code, 0);
  assert.match(output, /ENOTDIR|EEXIST/);
});

/** Returns this checkout, or a copy of it if the user cannot read it. */
async function readableBy(t: TestContext, uid: number): Promise<string> {
  const look = spawnSync("ls", [join(checkout, file)], { uid, gid: uid, stdio: "ignore" });
  if (look.status === 0) return checkout;
  const folder = await tempFolder(t);
  await chmod(folder, 0o755);
  for (const name of [".build", "node_modules"]) {
    const copied = ["-rl", "-r"].some(
      (how) => spawnSync("cp", [how, join(checkout, name), folder], { stdio: "ignore" }).status === 0,
    );
    assert.ok(copied, `${name} could not be copied`);
  }
  return folder;
}
