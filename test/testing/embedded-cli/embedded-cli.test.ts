// `npm run embedded`, in a child process.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readCatalogue, readPrograms } from "../../../scripts/embedded-files.js";
import { type Cri, connect } from "../../../src/index.js";
import { checkout } from "../../support/checkout.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { until } from "../../support/waiting.js";
import { startCommand } from "./support.js";

const busybox = "docker.io/library/busybox:1.37";

async function startContainer(cri: Cri, image: string, command: readonly string[]): Promise<string> {
  await cri.image.pullImage({ image: { image } });
  const sandboxConfig = { metadata: { name: "pod", namespace: "default", uid: "1", attempt: 0 }, linux: {} };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandboxConfig });
  const config = {
    metadata: { name: "main", attempt: 0 },
    image: { image },
    command: [...command],
    linux: {},
  };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId, config, sandboxConfig });
  await cri.runtime.startContainer({ containerId });
  return containerId;
}

/** Reports whether a process is running; a zombie is not. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return /^[^Z]/.test(stdout.trim());
}

for (const signal of ["SIGTERM", "SIGINT"] as const)
  test(`${signal} stops it, kills all processes, and removes the socket`, async (t) => {
    const folder = await tempFolder(t);
    const socket = join(folder, "cri.sock");
    const command = await startCommand(t, ["--socket", socket]);
    assert.equal(await command.ready(), `unix://${socket}`);
    await using cri = await connect(socket);
    const containerId = await startContainer(cri, busybox, ["sleep", "600"]);
    const pids = await cri.runCommand(containerId, ["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"]);
    const pid = Number(pids.stdout);
    assert.ok(isRunning(pid), "the background process of a command keeps running");
    command.kill(signal);
    const { code, stdout, stderr, left } = await command.ended();
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `unix://${socket}\n`);
    assert.match(stderr, /WARNING: THERE IS NO ISOLATION/);
    assert.match(stderr, /`chmod 400 \/` makes the host/);
    assert.deepEqual([existsSync(socket), isRunning(pid), left], [false, false, []]);
  });

test("a signal during the start stops it", async (t) => {
  const folder = await tempFolder(t);
  await writeFile(
    join(folder, "slow.mjs"),
    "await new Promise((r) => setTimeout(r, 1_000)); export default {};",
  );
  const socket = join(folder, "cri.sock");
  const command = await startCommand(t, ["--socket", socket, "--script", join(folder, "slow.mjs")]);
  // A signal before the first line has run would be handled by the system.
  await new Promise((resolve) => setTimeout(resolve, 500));
  command.kill("SIGTERM");
  const { left } = await command.ended();
  assert.deepEqual([existsSync(socket), left], [false, []]);
});

test("--script, --images, --like, --preload and --handler", async (t) => {
  const folder = await tempFolder(t);
  const [images, script] = [join(folder, "images.yaml"), join(folder, "programs.ts")];
  await writeFile(images, "images:\n  - names: [example.com/app:1]\n    cmd: [serve]\n");
  await writeFile(
    script,
    `import type { Programs } from "${checkout}/src/testing/index.ts";
    export const programs: Programs = {
      serve: ({ clock }) => clock.sleep(600_000),
      greet: ({ args, stdout }) => { stdout.write(\`hello \${args[1]}\`); return 7; },
    };`,
  );
  const socket = join(folder, "cri.sock");
  const options = [
    "--images",
    images,
    "--script",
    script,
    "--like",
    "cri-o",
    "--preload",
    "example.com/app:1",
  ];
  const command = await startCommand(t, ["--socket", socket, "--handler", "kata", ...options]);
  await using cri = await connect(await command.ready());
  assert.equal((await cri.runtime.version()).runtimeName, "cri-o");
  assert.deepEqual(
    (await cri.image.listImages()).images.map(({ repoTags }) => repoTags),
    [["example.com/app:1"]],
  );
  assert.ok((await cri.features()).handlers.some(({ name }) => name === "kata"));
  const containerId = await startContainer(cri, "example.com/app:1", []);
  const { exitCode, stdout } = await cri.runCommand(containerId, ["greet", "you"]);
  assert.deepEqual([exitCode, stdout], [7, "hello you"]);
  await assert.rejects(cri.image.pullImage({ image: { image: busybox } }), { reason: "image_missing" });
  assert.doesNotMatch(command.stderr(), /WARNING/);
  command.kill("SIGTERM");
  assert.equal((await command.ended()).code, 0);
});

test("the next start on a state directory kills the processes of a killed one", async (t) => {
  const folder = await tempFolder(t);
  const args = ["--socket", join(folder, "cri.sock"), "--state-dir", join(folder, "state")];
  const first = await startCommand(t, args);
  const marker = join(folder, "pid");
  {
    await using cri = await connect(await first.ready());
    await startContainer(cri, busybox, ["sh", "-c", `echo $$ > ${marker}; exec sleep 600`]);
    await until(() => existsSync(marker), "the container runs");
  }
  const pid = Number(await readFile(marker, "utf8"));
  first.kill("SIGKILL");
  await first.ended();
  assert.ok(isRunning(pid));
  const second = await startCommand(t, args);
  await second.ready();
  assert.ok(!isRunning(pid));
  second.kill("SIGTERM");
  assert.equal((await second.ended()).code, 0);
});

test("an uncaught error of a program stops it after a cleanup", async (t) => {
  const folder = await tempFolder(t);
  const [socket, script] = [join(folder, "cri.sock"), join(folder, "programs.mjs")];
  await writeFile(
    script,
    `export default { late: async ({ clock }) => {
      setTimeout(() => { throw new Error("uncaught"); });
      await clock.sleep(600_000);
    } };`,
  );
  const command = await startCommand(t, ["--socket", socket, "--script", script]);
  await using cri = await connect(await command.ready());
  await startContainer(cri, busybox, ["late"]);
  const { code, stderr } = await command.ended();
  assert.equal(code, 1);
  assert.match(stderr, /uncaught\n +at .*programs\.mjs:2:/);
  assert.equal(existsSync(socket), false);
});

test("a socket in use is refused and left alone", async (t) => {
  const folder = await tempFolder(t);
  const socket = join(folder, "cri.sock");
  const other = createServer().listen(socket);
  cleanup(t, () => other.close());
  const { code, stdout, stderr, left } = await (await startCommand(t, ["--socket", socket])).ended();
  assert.deepEqual([code, stdout, left], [1, "", []]);
  assert.match(stderr, /cannot listen on .*cri\.sock": another process is listening on it/);
  assert.ok(existsSync(socket));
});

for (const [args, expected] of [
  [[], /^--socket PATH is required/],
  [["--socket", "/a.sock", "--like", "docker"], /^--like must be one of containerd-1\.7, .*, got "docker"/],
] as const)
  test(`invalid arguments: ${args.join(" ") || "no option"}`, async (t) => {
    const { code, stdout, stderr } = await (await startCommand(t, args)).ended();
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, expected);
    assert.match(stderr, /usage: npm run embedded/);
  });

test("root has to allow that containers are processes of root", async (t) => {
  const folder = await tempFolder(t);
  const command = await startCommand(t, ["--socket", join(folder, "cri.sock")], { allowRoot: false });
  if (process.getuid?.() !== 0) {
    await command.ready();
    return;
  }
  const { code, stdout, stderr } = await command.ended();
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^running as root: .*`chmod 400 \/`.*pass --allow-root/s);
  const scripted = join(folder, "programs.mjs");
  await writeFile(scripted, "export default {};");
  const args = ["--socket", join(folder, "cri.sock"), "--script", scripted];
  await (await startCommand(t, args, { allowRoot: false })).ready();
});

test("an invalid file", async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, "images.json");
  await writeFile(file, "{");
  const args = ["--socket", join(folder, "cri.sock"), "--images", file];
  const { code, stdout, stderr, left } = await (await startCommand(t, args)).ended();
  assert.deepEqual([code, stdout, left], [1, "", []]);
  assert.match(stderr, /^\/.*images\.json:1:2: /);
});

describe("errors of files contain the path and the line", () => {
  const files: readonly (readonly [
    option: string,
    name: string,
    text: string | undefined,
    expected: RegExp,
  ])[] = [
    ["--images", "none.json", undefined, /cannot read the image catalogue .*none\.json: ENOENT/],
    ["--images", "a.json", '{ "images": [\n  { "names": ["a/b:1" }\n] }', /a\.json:2:23: /],
    ["--images", "a.yaml", "images:\n  - names: [a/b:1]\n   cmd: [x]\n", /a\.yaml:3:1: /],
    [
      "--images",
      "b.yaml",
      "images:\n  - names: [a/b:1]\n    comand: [x]\n    sizeBytes: -1\n",
      /cannot use the image catalogue .*b\.yaml: images\[0\]\.comand: is not a known field.*; images\[0\]\.sizeBytes: must be/,
    ],
    ["--script", "none.ts", undefined, /cannot load the script .*none\.ts: .*ENOENT/],
    [
      "--script",
      "a.mjs",
      "export default {\n  sh: ( => 1,\n};",
      /cannot load the script .*a\.mjs: .*a\.mjs:2\n/,
    ],
    [
      "--script",
      "b.mjs",
      '\nthrow new Error("no luck");',
      /cannot load the script .*b\.mjs: (?:.|\n)*no luck\n +at .*b\.mjs:2:7/,
    ],
    [
      "--script",
      "c.mjs",
      "export const other = {};",
      /c\.mjs has no programs: its export `default` .* got undefined/,
    ],
    [
      "--script",
      "d.mjs",
      "export default { sh: 3 };",
      /d\.mjs has an invalid program: default\["sh"\] must be/,
    ],
  ];
  test("--script a.ts", async (t) => {
    const folder = await tempFolder(t);
    const script = join(folder, "a.ts");
    await writeFile(script, "export default {\n  sh: ( => 1,\n};");
    const command = await startCommand(t, ["--socket", join(folder, "cri.sock"), "--script", script]);
    assert.match((await command.ended()).stderr, /cannot load the script .*a\.ts: (?:.|\n)*a\.ts:2:8: /);
  });
  for (const [option, name, text, expected] of files)
    test(`${option} ${name}`, async (t) => {
      const file = join(await tempFolder(t), name);
      if (text !== undefined) await writeFile(file, text);
      const read = option === "--images" ? readCatalogue : readPrograms;
      await assert.rejects(read(file), ({ message }: Error) => {
        assert.match(message, expected);
        return message.includes(file);
      });
    });
});
