// What `npm start` runs, on a machine without a runtime.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { discover } from "../../../src/index.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

const checkout = fileURLToPath(new URL("../../..", import.meta.url));
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

/** Starts it with an environment that has next to nothing; all its temporary files go to a folder that is looked at. */
async function start(t: TestContext, { root = checkout, env, uid }: Run = {}) {
  const temporary = await tempFolder(t);
  await chmod(temporary, 0o777);
  const tsx = join(root, "node_modules/tsx/dist/loader.mjs");
  const child = spawn(process.execPath, ["--conditions=cri-sdk-source", "--import", tsx, file], {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", TMPDIR: temporary, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part) => {
      said += part;
    });
  cleanup(t, () => child.kill("SIGKILL"));
  return {
    child,
    said: () => said,
    async ended() {
      const [code] = await within(60_000, once(child, "close"), `the quickstart, which said ${said}`);
      // tsx keeps what it has compiled, also for the next program.
      const left = (await readdir(temporary)).filter((name) => !name.startsWith("tsx-"));
      return { code, said, left, processes: processesWith(temporary) };
    },
  };
}

/** The processes that tell of a folder in their environment: those of its containers do. */
function processesWith(folder: string): string[] {
  const { stdout } = spawnSync("ps", ["-e", "-ww", "-E"], { encoding: "utf8" });
  const { stdout: linux } = spawnSync("ps", ["axeww", "-o", "args"], { encoding: "utf8" });
  return `${stdout}\n${linux}`.split("\n").filter((line) => line.includes(folder));
}

const steps = [
  ...["version", "pull", "sandbox", "status", "create", "start", "exec", "stream", "stats", "stop", "remove"],
  ...["stop pod", "remove pod", "untag", "events"],
];

test("the quickstart shows each step with its time, and leaves nothing behind", async (t) => {
  if (hasRuntime) return t.skip("this machine has a runtime");
  const { code, said, left, processes } = await (await start(t)).ended();
  assert.equal(code, 0, said);
  assert.match(said, /^No runtime answers on this machine/);
  const shown = [...said.matchAll(/^(\w+(?: pod)?) +[\d.]+ ms/gm)].map(([, name]) => name);
  assert.deepEqual(shown, steps);
  assert.match(said, /exec .*exit code 0: hello from quickstart/);
  assert.match(said, /stream .*exit code 0: SENT IN SMALL LETTERS/);
  assert.match(said, /events .*pod created, pod started, container created, .*pod deleted/);
  assert.ok(!said.includes("\x1b"), "plain lines where there is no terminal");
  assert.deepEqual([left, processes], [[], []]);
});

test("the quickstart runs as a user who may do nothing, and has no home", async (t) => {
  if (!isRoot) return t.skip("only root can become somebody else");
  const root = await readableBy(t, nobody);
  const { code, said, left, processes } = await (await start(t, { root, uid: nobody })).ended();
  assert.equal(code, 0, said);
  assert.match(said, /nothing was left behind\n$/);
  assert.deepEqual([left, processes], [[], []]);
});

for (const signal of ["SIGINT", "SIGTERM"] as const)
  test(`the quickstart puts all away when it gets ${signal}`, async (t) => {
    if (hasRuntime) return t.skip("this machine has a runtime");
    const running = await start(t);
    await until(() => running.said().includes("\nstart "), "the container runs", 30_000);
    running.child.kill(signal);
    const { code, said, left, processes } = await running.ended();
    assert.equal(code, 1);
    assert.match(said, new RegExp(`remove pod(?:.|\n)*It failed: ended by ${signal}\n$`));
    assert.deepEqual([left, processes], [[], []]);
  });

test("the quickstart says what to do when the runtime that was named is not there", async (t) => {
  const env = { CONTAINER_RUNTIME_ENDPOINT: "/no/such.sock" };
  const { code, said } = await (await start(t, { env })).ended();
  assert.equal(code, 1);
  assert.match(said, /It failed: .*no socket at \/no\/such\.sock/);
  assert.match(said, /CONTAINER_RUNTIME_ENDPOINT=unix:\/\/\/path npm start\n$/);
});

test("the quickstart says what to do when there is no place for temporary files", async (t) => {
  if (hasRuntime) return t.skip("this machine has a runtime");
  const folder = await tempFolder(t);
  await mkdir(join(folder, "tmp"));
  await writeFile(join(folder, "tmp/file"), "");
  const env = { TMPDIR: join(folder, "tmp/file") };
  const { code, said } = await (await start(t, { env })).ended();
  assert.notEqual(code, 0);
  assert.match(said, /ENOTDIR|EEXIST/);
});

/** This checkout, or where a user may not look into it, one of links to its files. */
async function readableBy(t: TestContext, uid: number): Promise<string> {
  const look = spawnSync("ls", [join(checkout, file)], { uid, gid: uid, stdio: "ignore" });
  if (look.status === 0) return checkout;
  const folder = await tempFolder(t);
  await chmod(folder, 0o755);
  for (const name of ["package.json", "src", "gen", "examples", "node_modules"]) {
    const copied = ["-rl", "-r"].some(
      (how) => spawnSync("cp", [how, join(checkout, name), folder], { stdio: "ignore" }).status === 0,
    );
    assert.ok(copied, `${name} could not be copied`);
  }
  return folder;
}
