// The copies of the engine's logs in examples/dockershim.
import assert from "node:assert/strict";
import { appendFile, mkdir, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { LogCopies } from "../../examples/dockershim/logs/log-copies.js";
import { cleanup } from "../support/cleanup.js";
import { checkLeaks } from "../support/leaks.js";
import { asRoot } from "../support/node-files.js";
import { SeededRandom } from "../support/random.js";
import { smallDisk } from "../support/small-disk.js";
import { until, within } from "../support/waiting.js";
import { contentOf, type EngineEntry, EngineLog, record } from "./engine-log.js";

/** Copies of the shim, with the problems that they report. */
function copiesOf(t: TestContext): { readonly copies: LogCopies; readonly problems: string[] } {
  const problems: string[] = [];
  const copies = new LogCopies({ onProblem: (text) => problems.push(text) });
  cleanup(t, () => copies.close());
  return { copies, problems };
}

async function startedCopy(t: TestContext) {
  const log = await EngineLog.create(t);
  const path = join(dirname(log.path), "pods", "web", "0.log");
  const { copies, problems } = copiesOf(t);
  copies.start("web", log.path, path);
  const has = (text: string) => until(async () => (await contentOf(path)).includes(text), text, 10_000);
  return { log, path, copies, problems, has };
}

/** Entries that are hard to distinguish: equal pieces with equal times in both streams, and times out of order. */
const hard: readonly EngineEntry[] = [
  { stream: "stdout", nanos: 100, text: "same" },
  { stream: "stdout", nanos: 200, text: "same" },
  { stream: "stdout", nanos: 400, text: "yyy", partial: true },
  { stream: "stderr", nanos: 300, text: "yyy", partial: true },
  { stream: "stdout", nanos: 400, text: "yyy", partial: true },
  { stream: "stderr", nanos: 300, text: "yyy", partial: true },
  { stream: "stdout", nanos: 400, text: "yyy", partial: true },
  { stream: "stdout", nanos: 400, text: "" },
  { stream: "stdout", nanos: 400, text: "a coarse clock" },
  { stream: "stderr", nanos: 300, text: "yyy" },
  { stream: "stderr", nanos: 250, text: "the clock was set back" },
  { stream: "stdout", nanos: 400_000_000, text: "\r" },
  { stream: "stderr", nanos: 399_999_999, text: "end", partial: true },
];

test("the copy has one record for each entry, in the order of the engine", async (t) => {
  checkLeaks(t);
  const { log, path, copies, problems } = await startedCopy(t);
  for (const [index, entry] of hard.entries()) {
    await log.append(entry);
    if (index % 5 === 4) await log.rotate(5);
  }
  await within(4_000, copies.finish("web"));
  assert.equal(await readFile(path, "utf8"), log.copy);
  assert.equal((await stat(path)).mode & 0o777, 0o640);
  assert.deepEqual(problems, []);
  // What another container would print to a file of the same name is not copied any more.
  await log.print("later");
  copies.start("web", log.path, path);
  await copies.finish("web");
  assert.ok(!(await contentOf(path)).includes("later"));
});

test("lines are copied while the container runs, and the rest before finish() resolves", async (t) => {
  const { log, path, copies, has } = await startedCopy(t);
  await log.print("one");
  await has("one");
  await log.rotate(3);
  await log.print("two");
  await has("two");
  await log.print(...Array.from({ length: 5_000 }, (_, number) => `line ${number}`));
  await log.rotate(3);
  await log.print("last");
  await copies.finish("web");
  assert.equal(await readFile(path, "utf8"), log.copy);
});

test("records go to the renamed file until the log is reopened, and a deleted one is created again then", async (t) => {
  const { log, path, copies, has } = await startedCopy(t);
  const [first, second] = [`${path}.20260101-000000`, `${path}.20260101-000001`];
  await log.print("one");
  await has("one");
  await rename(path, first);
  await log.print("two");
  await has("two");
  await assert.rejects(stat(path), { code: "ENOENT" });
  await copies.reopen("web");
  await log.print("three");
  await has("three");
  assert.equal(await readFile(first, "utf8"), log.entries.slice(0, 2).map(record).join(""));
  assert.equal(await readFile(path, "utf8"), log.entries.slice(2).map(record).join(""));

  // The kubelet renames it back when reopening has failed.
  await rename(path, second);
  await mkdir(path);
  await assert.rejects(copies.reopen("web"), { reason: "log_failed" });
  await rm(path, { recursive: true });
  await rename(second, path);
  await log.print("four");
  await has("four");

  await rm(dirname(path), { recursive: true });
  await log.print("five");
  await pause(300);
  await assert.rejects(stat(path), { code: "ENOENT" });
  await copies.reopen("web");
  await log.print("six");
  await copies.finish("web");
  assert.equal(await readFile(path, "utf8"), log.entries.slice(-1).map(record).join(""));
});

/** How the files of a copy may look when its shim was killed after it had written `written`. */
const layouts: readonly { readonly name: string; write(path: string, written: string): Promise<void> }[] = [
  { name: "one file", write: writeFile },
  {
    name: "renamed, and not reopened",
    write: (path, written) => writeFile(`${path}.20260101-000000`, written),
  },
  {
    name: "reopened, and nothing written since",
    async write(path, written) {
      // A reopen waits for the end of a record.
      await writeFile(`${path}.20260101-000000`, written.slice(0, written.lastIndexOf("\n") + 1));
      await writeFile(path, "");
    },
  },
  {
    name: "rotated after half of the records",
    async write(path, written) {
      const half = written.lastIndexOf("\n", written.length / 2) + 1;
      await writeFile(`${path}.20260101-000000`, written.slice(0, half));
      await writeFile(path, written.slice(half));
    },
  },
];

for (const { name, write } of layouts)
  test(`a shim that was killed anywhere continues exactly there: ${name}`, async (t) => {
    checkLeaks(t);
    const log = await EngineLog.create(t);
    for (const [index, entry] of hard.entries()) {
      await log.append(entry);
      if (index === 4) await log.rotate(2);
    }
    const ends = hard.map(
      (_, index) =>
        hard
          .slice(0, index + 1)
          .map(record)
          .join("").length,
    );
    const cuts = new Set([0, 1, 20, ...ends.flatMap((end) => [end - 1, end, end + 1, end + 40])]);
    const { copies, problems } = copiesOf(t);
    const continueAfter = async (cut: number) => {
      const path = join(dirname(log.path), String(cut), "0.log");
      await mkdir(dirname(path));
      await write(path, log.copy.slice(0, cut));
      copies.start(path, log.path, path);
      await copies.finish(path);
      assert.equal(await contentOf(path), log.copy, `${cut} bytes were written`);
    };
    await Promise.all([...cuts].filter((cut) => cut <= log.copy.length).map(continueAfter));
    assert.deepEqual(problems, []);
  });

test("a shim continues far from the end of the logs", async (t) => {
  const log = await EngineLog.create(t);
  await log.append({ stream: "stderr", nanos: 1, text: "piece", partial: true });
  await log.append({ stream: "stderr", nanos: 1, text: "piece", partial: true });
  await log.print(...Array.from({ length: 8_000 }, (_, number) => `line ${number}`));
  const { copies } = copiesOf(t);
  for (const written of [1, 2, 10, 4_000, 7_990]) {
    const path = join(dirname(log.path), String(written), "0.log");
    await mkdir(dirname(path));
    await writeFile(path, log.entries.slice(0, written).map(record).join(""));
    copies.start(path, log.path, path);
    await copies.finish(path);
    assert.equal(await readFile(path, "utf8"), log.copy, `${written} records were written`);
  }
});

test("shims that are killed during rotations of both logs lose and repeat nothing", async (t) => {
  checkLeaks(t);
  const random = new SeededRandom();
  const log = await EngineLog.create(t);
  const path = join(dirname(log.path), "pods", "web", "0.log");
  let logs = copiesOf(t);
  let rotations = 0;
  logs.copies.start("web", log.path, path);
  for (let round = 0; round < 60; round++) {
    const first = log.entries.length;
    const entries = Array.from({ length: random.size(400) }, (_, index) => ({
      stream: random.of("stdout" as const, "stderr" as const),
      nanos: first + index,
      text: `line ${first + index}`,
    }));
    await log.append(...entries);
    if (random.below(4) === 0) await log.rotate(100);
    const isRotated = random.below(4) === 0;
    const suffix = `.20260101-0000${String(rotations).padStart(2, "0")}`;
    if (isRotated)
      await rename(path, path + suffix).then(
        () => rotations++,
        () => undefined,
      );
    await pause(random.below(30));
    if (random.below(3) === 0) {
      await logs.copies.close();
      logs = copiesOf(t);
      logs.copies.start("web", log.path, path);
    }
    if (isRotated) await logs.copies.reopen("web");
  }
  await logs.copies.finish("web");
  assert.equal(await contentOf(path), log.copy, `seed ${random.seed}`);
  assert.deepEqual(logs.problems, []);
});

test("what does not fit on a full disk is copied when there is space again", asRoot, async (t) => {
  const disk = await smallDisk(t, 256 * 1024);
  const log = await EngineLog.create(t);
  const path = join(disk, "pods", "0.log");
  const filler = join(disk, "filler");
  const { copies, problems } = copiesOf(t);
  await log.print("first");
  copies.start("web", log.path, path);
  await until(async () => (await contentOf(path)).includes("first"), "the first line");
  const { bavail, bsize } = await statfs(disk);
  await writeFile(filler, Buffer.alloc(bavail * bsize - 10_000, 1));
  await log.print(...Array.from({ length: 1_000 }, (_, number) => `line ${number}`));
  await until(() => problems.length > 0, "a problem");
  assert.match(problems[0] ?? "", /0\.log: .*no space left on device/i);
  // The kubelet rotates meanwhile.
  await rename(path, `${path}.20260101-000000`);
  await copies.reopen("web");
  const finishing = copies.finish("web");
  await pause(1_500);
  assert.equal(problems.length, 1, "a problem is reported once");
  await rm(filler);
  await within(4_000, finishing);
  assert.equal(await contentOf(path), log.copy);
});

test("finish() does not wait longer than 5 seconds, and copies are retried after it", async (t) => {
  checkLeaks(t);
  const { log, path, copies, problems } = await (async () => {
    const log = await EngineLog.create(t);
    const path = join(dirname(log.path), "pods", "0.log");
    await writeFile(dirname(path), "not a folder");
    return { log, path, ...copiesOf(t) };
  })();
  await log.print("one");
  copies.start("web", log.path, path);
  await within(8_000, copies.finish("web"));
  // Later calls do not wait again.
  await within(1_000, copies.finish("web"));
  assert.equal(problems.length, 1);
  await rm(dirname(path));
  await until(async () => (await contentOf(path)) === log.copy, "the copy", 10_000);
});

test("a copy that ends with a line of another log gets the whole log", async (t) => {
  const { copies, problems } = copiesOf(t);
  const log = await EngineLog.create(t);
  const path = join(dirname(log.path), "0.log");
  await log.print("one", "two");
  const other = record({ stream: "stdout", nanos: 7, text: "another container" });
  await writeFile(path, other);
  copies.start("web", log.path, path);
  await copies.finish("web");
  assert.equal(await readFile(path, "utf8"), other + log.copy);
  assert.match(problems.join(), /the last line of the copy is not in the engine's log/);
});

test("lines that are no entries are skipped and reported", async (t) => {
  const { log, path, copies, problems, has } = await startedCopy(t);
  await log.print("one");
  // The engine could not write the whole entry on a full disk.
  await appendFile(log.path, '{"log":"cut');
  await log.print("two");
  await has("two");
  await copies.finish("web");
  assert.equal(await readFile(path, "utf8"), log.copy);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /skipped at byte \d+ of .*id-json\.log: \{"log":"cut$/);
});

test("without a path nothing is copied, and a container that is removed is forgotten", async (t) => {
  checkLeaks(t);
  const { log, path, copies, problems, has } = await startedCopy(t);
  copies.start("no log", log.path, "");
  copies.start("not started", "", path);
  for (const id of ["no log", "not started", "unknown"]) {
    await copies.finish(id);
    await copies.reopen(id);
    await copies.forget(id);
  }
  await log.print("one");
  await has("one");
  await copies.forget("web");
  await log.print("two");
  await copies.finish("web");
  assert.equal(await readFile(path, "utf8"), log.entries.slice(0, 1).map(record).join(""));

  // The engine has removed a container whose copy is not complete.
  copies.start("web", log.path, path);
  await has("two");
  await rm(dirname(log.path), { recursive: true });
  await within(4_000, copies.finish("web"));
  assert.ok(problems.length <= 1, problems.join("\n"));
});
