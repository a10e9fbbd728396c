import assert from "node:assert/strict";
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { LogRotation, type LogRotationOptions } from "../../../src/kubelet/log-rotation/index.js";
import { NodeRelist } from "../../../src/kubelet/relist/index.js";
import { readLogs } from "../../../src/logs/index.js";
import type { Programs } from "../../../src/testing/index.js";
import { busybox, scripted } from "../../support/embedded.js";
import { kubeletPodOf } from "../../support/kubelet-pods.js";
import { asRoot } from "../../support/node-files.js";
import { smallDisk } from "../../support/small-disk.js";
import { tempFolder } from "../../support/temp.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { until, within } from "../../support/waiting.js";

/** Writes what the test says. */
class Printer {
  readonly #lines: string[] = [];
  #wake = () => {};
  readonly programs: Programs = {
    print: async ({ stdout, signal }) => {
      while (!signal.aborted) {
        const line = this.#lines.shift();
        if (line !== undefined) stdout.write(`${line}\n`);
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
            signal.addEventListener("abort", () => resolve(), { once: true });
          });
      }
    },
  };
  print(...lines: readonly string[]): void {
    this.#lines.push(...lines);
    this.#wake();
  }
}

async function nodeOf(t: TestContext, options: LogRotationOptions & { readonly folder?: string } = {}) {
  const { folder = await tempFolder(t), ...rotationOptions } = options;
  const clock = new VirtualClock(new Date(2026, 0, 1, 12, 0, 0));
  const printer = new Printer();
  const { runtime, cri } = await scripted(t, { clock: clock.runtime, programs: printer.programs });
  clock.activity = () => runtime.calls.total;
  const logDirectory = join(folder, "test_p_u");
  await mkdir(join(logDirectory, "c"), { recursive: true });
  const labels = { "io.kubernetes.pod.uid": "u" };
  const config = {
    metadata: { name: "p", namespace: "test", uid: "u", attempt: 0 },
    logDirectory,
    labels,
  };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: {
      metadata: { name: "c", attempt: 0 },
      image: { image: busybox },
      command: ["print"],
      logPath: "c/0.log",
      labels,
    },
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId });
  const relist = new NodeRelist({ cri, clock });
  await relist.relist();
  const failures: string[] = [];
  const pods = [kubeletPodOf({ uid: "u" })];
  const rotation = new LogRotation(
    {
      view: {
        ...{ cri, clock, nodeName: "node", pods: () => pods },
        record: ({ reason, message }) => failures.push(`${reason}: ${message}`),
      },
      relist,
    },
    { maxBytes: 1_000, ...rotationOptions },
  );
  const path = join(logDirectory, "c", "0.log");
  let count = 0;
  /** Prints this many bytes or more, and waits until they are in the log. */
  const print = async (bytes: number) => {
    const lines = Array.from({ length: Math.ceil(bytes / 50) }, () => `line ${count++} ${"x".repeat(40)}`);
    printer.print(...lines);
    const last = lines.at(-1) ?? "";
    await until(
      async () => (await readFile(path, "utf8").catch(() => "")).includes(last),
      "the lines are in the log",
    );
  };
  const signal = new AbortController().signal;
  return {
    ...{ runtime, cri, clock, relist, rotation, path, print, failures, containerId, pods, signal },
    names: async () => (await readdir(dirname(path))).sort(),
    printed: () => count,
  };
}

test("a log from maxBytes on is rotated, older files are compressed, and at most maxFiles remain", async (t) => {
  const { rotation, print, names, clock, path, signal, failures } = await nodeOf(t, { maxFiles: 3 });
  await print(500);
  await rotation.rotateAll(signal);
  assert.deepEqual(await names(), ["0.log"]);
  await print(600);
  await rotation.rotateAll(signal);
  assert.deepEqual(await names(), ["0.log", "0.log.20260101-120000"]);
  assert.equal((await stat(path)).size, 0);
  const expected = [
    ["0.log", "0.log.20260101-120000.gz", "0.log.20260101-120010"],
    ["0.log", "0.log.20260101-120010.gz", "0.log.20260101-120020"],
  ];
  for (const files of expected) {
    await clock.advance(10_000);
    await print(1_100);
    await rotation.rotateAll(signal);
    assert.deepEqual(await names(), files);
  }
  const unzipped = gunzipSync(await readFile(`${path}.20260101-120010.gz`)).toString();
  assert.ok(unzipped.length >= 1_000);
  assert.deepEqual(failures, []);
});

test("runs every ten seconds", async (t) => {
  const { rotation, print, names, clock } = await nodeOf(t);
  const controller = new AbortController();
  const run = rotation.run(controller.signal);
  await print(1_100);
  await clock.until(async () => (await names()).length === 2);
  assert.match((await names())[1] ?? "", /^0\.log\.20260101-12001[01]$/);
  controller.abort();
  await run;
});

test("two rotations in one second have different names", async (t) => {
  const { rotation, print, names, signal } = await nodeOf(t);
  for (let rotations = 0; rotations < 2; rotations++) {
    await print(1_100);
    await rotation.rotateAll(signal);
  }
  assert.deepEqual(await names(), ["0.log", "0.log.20260101-120000.gz", "0.log.20260101-120001"]);
});

test("a reader that follows the log receives every line once, over rotations and compression", async (t) => {
  const { rotation, print, signal, path, printed, clock } = await nodeOf(t, { maxFiles: 10 });
  const numbers: number[] = [];
  const reader = readLogs(path, { follow: true, signal: AbortSignal.timeout(60_000) });
  const reading = (async () => {
    for await (const { text } of reader) {
      numbers.push(Number(/line (\d+)/.exec(text)?.[1]));
      if (numbers.length === 25 * 6) break;
    }
  })();
  for (let rotations = 0; rotations < 6; rotations++) {
    await print(1_250);
    await clock.advance(1_000);
    await rotation.rotateAll(signal);
  }
  await within(60_000, reading, "reading");
  assert.deepEqual(numbers, [...Array(printed()).keys()]);
});

test("when the runtime does not reopen the log, the file has its name again, and nothing is lost", async (t) => {
  const { runtime, rotation, print, names, signal, failures, printed, path } = await nodeOf(t);
  const refusal = { code: "internal", message: "no reopen" } as const;
  runtime.faults.failNext("reopenContainerLog", refusal, { times: 3 });
  await print(1_100);
  await rotation.rotateAll(signal);
  assert.deepEqual(await names(), ["0.log"]);
  assert.deepEqual(failures, [], "the first time");
  for (let again = 0; again < 2; again++) await rotation.rotateAll(signal);
  assert.equal(failures.length, 1);
  assert.match(
    failures[0] ?? "",
    /^LogRotationFailed: the log of container c \(.*\) was not rotated: no reopen/,
  );
  assert.deepEqual(await names(), ["0.log"]);
  await print(100);
  await rotation.rotateAll(signal);
  assert.equal((await names()).length, 2);
  let lines = 0;
  for await (const _entry of readLogs(path, { includeRotated: true })) lines++;
  assert.equal(lines, printed());
});

test("a response that is lost leaves both files, with all lines", async (t) => {
  const { runtime, rotation, print, names, signal, path, printed } = await nodeOf(t);
  const lost = { code: "internal", message: "lost" } as const;
  runtime.faults.failNext("reopenContainerLog", lost, { when: "after" });
  await print(1_100);
  await rotation.rotateAll(signal);
  assert.equal((await names()).length, 2);
  await print(100);
  let lines = 0;
  for await (const _entry of readLogs(path, { includeRotated: true })) lines++;
  assert.equal(lines, printed());
});

test("continues a rotation that was interrupted after the rename, and removes leftovers of a compression", async (t) => {
  const { rotation, print, names, signal, path } = await nodeOf(t);
  await print(1_100);
  const rotated = `${path}.20260101-110000`;
  await rename(path, rotated);
  await writeFile(`${path}.20260101-100000`, "old");
  await writeFile(`${path}.20260101-100000.gz`, "its copy");
  await writeFile(`${path}.20260101-103000.tmp`, "half of a copy");
  await writeFile(`${path}.20260101-103000`, "its source");
  await rotation.rotateAll(signal);
  assert.ok((await names()).includes("0.log"), "the runtime has opened the log again");
  await print(1_100);
  await rotation.rotateAll(signal);
  assert.deepEqual(await names(), [
    "0.log",
    "0.log.20260101-100000.gz",
    "0.log.20260101-103000.gz",
    "0.log.20260101-110000.gz",
    "0.log.20260101-120000",
  ]);
  assert.equal(await readFile(`${path}.20260101-100000.gz`, "utf8"), "its copy", "was complete");
});

test("logs of other owners' pods and of ended containers, and irregular files, are not rotated", async (t) => {
  const { rotation, print, names, signal, pods, cri, containerId, relist, path, failures } = await nodeOf(t);
  await print(1_100);
  const own = pods.splice(0);
  await rotation.rotateAll(signal);
  assert.deepEqual(await names(), ["0.log"]);
  pods.push(...own);
  await link(path, `${path}-elsewhere`);
  await rm(path);
  await mkdir(path);
  await rotation.rotateAll(signal);
  assert.deepEqual(await names(), ["0.log", "0.log-elsewhere"]);
  await rm(path, { recursive: true });
  await rename(`${path}-elsewhere`, path);
  await cri.runtime.stopContainer({ containerId, timeout: 0n });
  await relist.relist();
  await rotation.rotateAll(signal);
  assert.deepEqual(await names(), ["0.log"]);
  assert.deepEqual(failures, []);
});

test("a runtime that hangs ends the check with the first container, and the log keeps its name", async (t) => {
  const { runtime, rotation, print, names, failures } = await nodeOf(t);
  await print(1_100);
  runtime.faults.delay("reopenContainerLog", 3_600_000, { times: Number.POSITIVE_INFINITY });
  const controller = new AbortController();
  const check = rotation.rotateAll(controller.signal);
  await until(
    () => runtime.calls.of("reopenContainerLog").length > 0,
    "the runtime is asked to reopen the log",
  );
  controller.abort(new Error("closed"));
  await within(10_000, check, "the check");
  assert.deepEqual(await names(), ["0.log"]);
  assert.deepEqual(failures, []);
});

test(
  "on a full disk, logs are rotated, and files that cannot be compressed stay as they are",
  asRoot,
  async (t) => {
    const folder = await smallDisk(t, 256 * 1024);
    const { rotation, print, names, signal, path, failures, clock } = await nodeOf(t, {
      folder,
      maxFiles: 3,
    });
    for (let rotations = 0; rotations < 2; rotations++) {
      await print(1_100);
      const fill = rotations === 1;
      if (fill) await writeFile(join(folder, "fill"), Buffer.alloc(1_000_000)).catch(() => undefined);
      await rotation.rotateAll(signal);
      await clock.advance(10_000);
    }
    assert.deepEqual(await names(), ["0.log", "0.log.20260101-120000", "0.log.20260101-120010"]);
    await rm(join(folder, "fill"));
    await print(1_100);
    await rotation.rotateAll(signal);
    assert.deepEqual(await names(), ["0.log", "0.log.20260101-120010.gz", "0.log.20260101-120020"]);
    assert.equal((await stat(path)).size, 0);
    assert.deepEqual(failures, []);
  },
);
