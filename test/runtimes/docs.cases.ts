// Every program of the README and of docs/ runs against a real runtime, and prints what its comments say.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Fence, root, samples } from "../docs/pages.js";
import type { Subject } from "./support.js";

/** The one thing changed in a sample: test runtimes pull from a registry of their own. */
const publicImage = "docker.io/library/busybox:1.37";
const timeLimitMs = 30_000;

export function docsCases(subject: () => Subject): void {
  for (const sample of samples())
    test(`the program at ${sample.page}:${sample.line}`, { timeout: 2 * timeLimitMs }, async () => {
      const { running, runtime, cri } = subject();
      const before = await cri.lists.podSandboxes().collect();
      // Inside the checkout, so that `import "cri-sdk"` means this package.
      const folder = join(root, ".cache", "docs-samples", `${process.pid}-${runtime.name}`);
      mkdirSync(folder, { recursive: true });
      try {
        const file = join(folder, `${sample.page.replace(/\W/g, "-")}-${sample.line}.ts`);
        writeFileSync(file, sample.text.replaceAll(publicImage, running.images.busybox));
        const { code, stdout, stderr } = await runProgram(file, runtime.endpoint);
        assert.equal(code, 0, `it ended with ${code}\n${stdout}\n${stderr}`);
        assertPrinted(sample, stdout, stderr);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      const after = await cri.lists.podSandboxes().collect();
      assert.deepEqual(
        after.map(({ id }) => id).sort(),
        before.map(({ id }) => id).sort(),
        "the sample left a pod behind",
      );
    });
}

interface Ended {
  /** The exit code, or the name of the signal that ended it. */
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runProgram(file: string, endpoint: string): Promise<Ended> {
  const { IMAGE_SERVICE_ENDPOINT, CRI_CONFIG_FILE, NODE_TEST_CONTEXT, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--conditions=cri-sdk-source", "--import", "tsx", file], {
      cwd: root,
      env: { ...env, CONTAINER_RUNTIME_ENDPOINT: endpoint },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeLimitMs,
      killSignal: "SIGKILL",
    });
    const printed = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (text: string) => {
        printed[name] += text;
      });
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? signal, ...printed }));
  });
}

/** Where a sample says with `// => text` what it prints, it prints exactly that; `…` stands for anything. */
function assertPrinted({ page, line, text }: Fence, stdout: string, stderr: string): void {
  const expected = [...text.matchAll(/\/\/ => ?(.*)$/gm)].map(([, wanted = ""]) => wanted.trimEnd());
  if (expected.length === 0) return;
  const lines = stdout.trimEnd().split("\n");
  const fits = (wanted: string, got: string | undefined): boolean =>
    got !== undefined &&
    new RegExp(`^${wanted.split("…").map(escaped).join(".*")}$`, "u").test(got.trimEnd());
  const same = lines.length === expected.length && expected.every((wanted, at) => fits(wanted, lines[at]));
  assert.ok(
    same,
    `${page}:${line} promises\n${expected.join("\n")}\nand prints\n${lines.join("\n")}\n${stderr}`,
  );
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
