// Runs parts of the package on Bun and Deno: the quickstart, which serves and calls an embedded runtime, the fixtures, and serve().
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { installBun, installDeno } from "../../scripts/node-versions.mjs";
import { discover } from "../../src/index.js";
import { checkout } from "../support/checkout.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";
import { within } from "../support/waiting.js";

/** The files run from the build, which both runtimes load without compiling. */
const build = join(checkout, ".build");
const limitMs = 180_000;
const testFiles = [
  "testing/fixtures/fixtures",
  "testing/fixtures/pod-with-containers",
  "server/serve/close",
  "server/serve/proxy",
];

const runtimes = {
  Bun: {
    install: installBun,
    run: ["run"],
    test: ["test", "--timeout=60000"],
    passed: (count: number) => new RegExp(`^ *${count} pass$(?:.|\n)*^ *0 fail$`, "m"),
  },
  Deno: {
    install: installDeno,
    run: ["run", "--allow-all", "--no-check"],
    test: ["test", "--allow-all", "--no-check"],
    passed: (count: number) => new RegExp(`^ok \\| ${count} passed(?: \\(.*\\))? \\| 0 failed`, "m"),
  },
} as const;

let hasRuntime = false;
before(async () => {
  hasRuntime = (await discover()).some(({ error }) => error === undefined);
});

/** Runs a program, and returns its output and what it left in its folder for temporary files. */
async function run(t: TestContext, program: string, args: readonly string[]) {
  const temporary = await tempFolder(t);
  const child = spawn(program, args, {
    cwd: build,
    env: { PATH: process.env.PATH ?? "", HOME: temporary, TMPDIR: temporary, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  cleanup(t, () => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const [code] = await within(limitMs, once(child, "close"), `${basename(program)} ${args.join(" ")}`).catch(
    (error: Error) => assert.fail(`${error.message}\n${output}`),
  );
  const left = (await readdir(temporary)).filter((name) => name.startsWith("cri-sdk"));
  return { code, output, left };
}

for (const [name, runtime] of Object.entries(runtimes)) {
  test(`${name}: the quickstart runs a pod on a runtime that it serves`, async (t) => {
    if (hasRuntime) return t.skip("this machine has a runtime");
    const program = runtime.install();
    const { code, output, left } = await run(t, program, [...runtime.run, "examples/quickstart.js"]);
    assert.equal(code, 0, output);
    assert.match(output, /^version .* cri-sdk-embedded .* at unix:/m);
    assert.match(output, /^exec .*exit code 0: hello from quickstart/m);
    assert.match(output, /^stream .*exit code 0: SENT IN SMALL LETTERS/m);
    assert.match(output, /^events .*pod created, pod started, container created, .*pod deleted/m);
    assert.match(output, /^done; everything was removed$/m);
    assert.deepEqual(left, []);
  });

  for (const file of testFiles)
    test(`${name}: test/${file}.test.ts`, async (t) => {
      const path = `./test/${file}.test.js`;
      const { code, output } = await run(t, runtime.install(), [...runtime.test, path]);
      assert.equal(code, 0, output);
      const [, count = "no"] = /(\d+) pass/.exec(output) ?? [];
      assert.match(output, runtime.passed(Number(count)));
      assert.ok(Number(count) > 0, output);
    });
}
