// NUL bytes in logs: a crash or a truncation leaves blocks of them, and containers may print them.
import assert from "node:assert/strict";
import { appendFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { LogDecoder, type LogEntry, type LogNotice, readLogs } from "../../src/logs/index.js";
import { SeededRandom } from "../support/random.js";
import { tempFolder } from "../support/temp.js";
import { collect, Follower, record, texts, timeNanosOf, timeOf } from "./support.js";

const nuls = "\0".repeat(64);

function dockerLine(number: number, text: string): string {
  return `${JSON.stringify({ log: `${text}\n`, stream: "stdout", time: timeOf(number) })}\n`;
}

interface Case {
  readonly name: string;
  readonly log: string;
  /** The texts of the entries; a trailing `~` marks one that is partial. */
  readonly texts: readonly string[];
  readonly bytes: string;
  /** The offsets of the damage that is reported. */
  readonly offsets: readonly number[];
}

const one = record(1, "stdout", "F", "one");
const two = record(2, "stdout", "F", "two");
const three = record(3, "stdout", "F", "three");
const piece = record(1, "stdout", "P", "half ");
const cut = record(2, "stdout", "F", "interrupted").slice(0, -1);
const cutPiece = record(2, "stdout", "P", "interrupted").slice(0, -1);
const binary = record(2, "stdout", "F", `a${nuls}b\0c`);

const cases: readonly Case[] = [
  { name: "a run at the beginning", log: nuls + one, texts: ["one"], bytes: "one\n", offsets: [0] },
  {
    name: "a single NUL",
    log: `${one}\0${two}`,
    texts: ["one", "two"],
    bytes: "one\ntwo\n",
    offsets: [one.length],
  },
  {
    name: "a run between records",
    log: one + nuls + two + three,
    texts: ["one", "two", "three"],
    bytes: "one\ntwo\nthree\n",
    offsets: [one.length],
  },
  {
    name: "a run that ends in a newline",
    log: `${one}${nuls}\n${two}`,
    texts: ["one", "two"],
    bytes: "one\ntwo\n",
    offsets: [one.length],
  },
  { name: "a run at the end", log: one + nuls, texts: ["one"], bytes: "one\n", offsets: [one.length] },
  {
    name: "two runs",
    log: one + nuls + two + nuls + three,
    texts: ["one", "two", "three"],
    bytes: "one\ntwo\nthree\n",
    offsets: [one.length, one.length + 64 + two.length],
  },
  {
    name: "a run longer than a read and than any line that is held",
    log: one + "\0".repeat(3_000_000) + two,
    texts: ["one", "two"],
    bytes: "one\ntwo\n",
    offsets: [one.length],
  },
  {
    name: "a record that a run interrupts",
    log: one + cut + nuls + three,
    texts: ["one", "interrupted~", "three"],
    bytes: "one\ninterruptedthree\n",
    offsets: [one.length + cut.length],
  },
  {
    name: "a partial record that a run interrupts",
    log: one + cutPiece + nuls + three,
    texts: ["one", "interrupted~", "three"],
    bytes: "one\ninterruptedthree\n",
    offsets: [one.length + cutPiece.length],
  },
  {
    name: "a partial record before a run",
    log: piece + nuls + three,
    texts: ["half ~", "three"],
    bytes: "half three\n",
    offsets: [piece.length],
  },
  {
    name: "a partial record before a run, and the rest of another record after it",
    log: `${piece}${nuls}st of another\n${three}`,
    texts: ["half ~", "three"],
    bytes: "half three\n",
    offsets: [piece.length],
  },
  {
    name: "pieces of both streams before a run",
    log: piece + record(2, "stderr", "P", "err ") + nuls + record(3, "stderr", "F", "new") + three,
    texts: ["half ~", "err ~", "new", "three"],
    bytes: "half err new\nthree\n",
    offsets: [piece.length * 2 - 1],
  },
  {
    name: "a run in a header",
    log: `${one}${two.slice(0, 35)}${nuls}${two.slice(35)}${three}`,
    texts: ["one", "three"],
    bytes: "one\nthree\n",
    offsets: [one.length],
  },
  {
    name: "other bytes before a run",
    log: `${one}st of a record${nuls}${two}`,
    texts: ["one", "two"],
    bytes: "one\ntwo\n",
    offsets: [one.length],
  },
  {
    name: "NULs that the container printed",
    log: one + binary + three,
    texts: ["one", `a${nuls}b\0c`, "three"],
    bytes: `one\na${nuls}b\0c\nthree\n`,
    offsets: [],
  },
  {
    name: "a run between Docker's lines",
    log: dockerLine(1, "one") + nuls + dockerLine(2, "two"),
    texts: ["one", "two"],
    bytes: "one\ntwo\n",
    offsets: [dockerLine(1, "one").length],
  },
  {
    name: "a Docker line that a run interrupts",
    log: dockerLine(1, "one").slice(0, 20) + nuls + dockerLine(2, "two"),
    texts: ["two"],
    bytes: "two\n",
    offsets: [0],
  },
  {
    name: "a whole Docker line without its newline before a run",
    log: dockerLine(1, "one").slice(0, -1) + nuls + dockerLine(2, "two"),
    texts: ["one", "two"],
    bytes: "one\ntwo\n",
    offsets: [dockerLine(1, "one").length - 1],
  },
  {
    name: "a Docker line with a run at its end",
    log: `${dockerLine(1, "one").slice(0, -1)}${nuls}\n${dockerLine(2, "two")}`,
    texts: ["one", "two"],
    bytes: "one\ntwo\n",
    offsets: [dockerLine(1, "one").length - 1],
  },
  {
    name: "a run in a Docker line",
    log: dockerLine(1, `on${nuls}e`).replaceAll("\\u0000", "\0") + dockerLine(2, "two"),
    texts: ["two"],
    bytes: "two\n",
    offsets: [0],
  },
];

function marked(entries: readonly LogEntry[]): string[] {
  return entries.map(({ text, partial }) => `${text}${partial ? "~" : ""}`);
}

for (const { name, log, texts: expected, bytes, offsets } of cases)
  test(`${name}: as entries, as bytes, by the decoder and with tail`, async (t) => {
    const path = join(await tempFolder(t), "0.log");
    await writeFile(path, log);
    const notices: LogNotice[] = [];
    const onNotice = (notice: LogNotice) => notices.push(notice);
    const reader = readLogs(path, { onNotice });
    const entries = await collect(reader);
    assert.deepEqual(marked(entries), expected);
    const at = (kind: "unreadable" | "damaged") =>
      notices.flatMap((notice) => (notice.kind === kind ? [notice.offset] : []));
    assert.deepEqual(at("unreadable"), offsets);
    // A long run in a record may be damage as well.
    assert.deepEqual(at("damaged"), name.includes("printed") ? [one.length + binary.indexOf("\0")] : []);
    assert.equal(reader.unreadable, offsets.length);
    for (const entry of entries) {
      const number = { one: 1, two: 2, three: 3, interrupted: 2 }[entry.text];
      if (number !== undefined) assert.equal(entry.timeNanos, timeNanosOf(number), entry.text);
    }

    notices.length = 0;
    const printed = await collect(readLogs(path, { onNotice }).bytes());
    assert.equal(Buffer.concat(printed).toString(), bytes);
    assert.deepEqual(at("unreadable"), offsets);

    for (const size of [log.length, 1, 7, 100]) {
      if (log.length > 10_000 && size < 100) continue;
      const decoder = new LogDecoder();
      const decoded: LogEntry[] = [];
      for (let at = 0; at < log.length; at += size)
        decoded.push(...decoder.write(Buffer.from(log.slice(at, at + size))));
      decoded.push(...decoder.end());
      assert.deepEqual(marked(decoded), expected, `in pieces of ${size}`);
      assert.equal(decoder.unreadable, offsets.length, `in pieces of ${size}`);
    }

    for (let tail = 1; tail <= expected.length + 1; tail++)
      assert.deepEqual(
        marked(await collect(readLogs(path, { tail }))),
        expected.slice(-tail),
        `tail: ${tail}`,
      );
  });

test("a cursor before, in and after damage continues with the entries that follow", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  for (const { name, log, texts: expected } of cases) {
    await writeFile(path, log);
    for (let count = 1; count <= expected.length; count++) {
      const first = readLogs(path);
      const seen: LogEntry[] = [];
      for await (const entry of first) if (seen.push(entry) === count) break;
      const rest = await collect(readLogs(path, { from: JSON.parse(JSON.stringify(first.cursor)) }));
      assert.deepEqual(marked([...seen, ...rest]), expected, `${name}, after ${count}`);
    }
  }
});

test("limitBytes, since, until and stream apply to records after a run", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(
    path,
    one + cut + nuls + record(3, "stderr", "F", "three") + record(4, "stdout", "F", "four"),
  );
  const read = async (options: object) => marked(await collect(readLogs(path, options)));
  assert.deepEqual(await read({ limitBytes: 9 }), ["one", "inter~"]);
  assert.deepEqual(await read({ limitBytes: 17 }), ["one", "interrupted~", "th~"]);
  assert.deepEqual(await read({ since: timeNanosOf(3) }), ["three", "four"]);
  assert.deepEqual(await read({ until: timeNanosOf(4) }), ["one", "interrupted~", "three"]);
  assert.deepEqual(await read({ until: timeNanosOf(2) }), ["one"]);
  assert.deepEqual(await read({ stream: "stderr" }), ["three"]);
  assert.deepEqual(await read({ stream: "stdout", tail: 2 }), ["interrupted~", "four"]);
  assert.deepEqual(await read({ maxLineBytes: 0 }), ["one", "interrupted~", "three", "four"]);
});

test("pieces are not joined across a run between two files, plain or compressed", async (t) => {
  const folder = await tempFolder(t);
  for (const suffix of ["", ".gz"]) {
    const path = join(folder, `log${suffix}`);
    const old = one + piece + nuls;
    await writeFile(`${path}.20260101-000000${suffix}`, suffix ? gzipSync(old) : old);
    await writeFile(path, two);
    const entries = await collect(readLogs(path, { includeRotated: true }));
    assert.deepEqual(marked(entries), ["one", "half ~", "two"]);
    for (const tail of [1, 2, 3])
      assert.deepEqual(
        marked(await collect(readLogs(path, { includeRotated: true, tail }))),
        ["one", "half ~", "two"].slice(-tail),
      );
  }
});

test("a follower reads the records that follow a run, also one that grows", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, one + cut);
  const follower = new Follower(readLogs(path, { follow: true, running: () => true, pollMs: 10 }));
  await follower.has("one");
  await appendFile(path, nuls);
  await appendFile(path, nuls + three);
  await follower.has("three");
  // A process that does not append continues at its old offset after the file was truncated: a hole precedes its records.
  const { length } = one + cut + nuls + nuls + three;
  await truncate(path, 0);
  await writeFile(path, Buffer.concat([Buffer.alloc(length), Buffer.from(record(4, "stdout", "F", "four"))]));
  await follower.has("four");
  await follower.stop();
  assert.deepEqual(marked(follower.entries), ["one", "interrupted~", "three", "four"]);
});

test("a record of several MiB between two runs is read as a whole", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  const long = "x".repeat(3_000_000);
  await writeFile(path, one + nuls + record(2, "stdout", "F", long) + nuls + three);
  const entries = await collect(readLogs(path));
  // Not `equal`, which would compute the difference of long strings.
  assert.ok(
    entries
      .map(({ text }) => text)
      .join("|")
      .replaceAll("x|x", "xx") === `one|${long}|three`,
  );
  assert.equal(entries.at(-1)?.timeNanos, timeNanosOf(3));
  assert.ok(Buffer.concat(await collect(readLogs(path).bytes())).toString() === `one\n${long}\nthree\n`);
});

test("holes anywhere lose no record that lies wholly outside of them", async (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const path = join(await tempFolder(t), "0.log");
  for (let round = 0; round < 150; round++) {
    const isDocker = random.below(4) === 0;
    const lines = Array.from({ length: 3 + random.below(12) }, (_, index) => {
      const text = `line ${index} ${"y".repeat(random.below(80))}`;
      return { text, line: isDocker ? dockerLine(index, text) : record(index, "stdout", "F", text) };
    });
    const log = Buffer.from(lines.map(({ line }) => line).join(""));
    const from = random.below(log.length - 8);
    // A hole begins anywhere, and ends where the runtime began to write again: before a record.
    const ends = lines.map((_, index) =>
      lines.slice(0, index).reduce((sum, { line }) => sum + line.length, 0),
    );
    const to = ends.find((end) => end > from + 1) ?? log.length;
    log.fill(0, from, to);
    await writeFile(path, log);
    let at = 0;
    const intact = lines.filter(({ line }) => {
      const [begin, end] = [at, at + line.length];
      at = end;
      return end <= from || begin >= to;
    });
    const reader = readLogs(path);
    const seen = texts(await collect(reader));
    for (const { text } of intact) assert.ok(seen.includes(text), `round ${round}: ${text}`);
    const printed = Buffer.concat(await collect(readLogs(path).bytes())).toString();
    for (const { text } of intact) assert.ok(printed.includes(`${text}\n`), `round ${round}: ${text}`);
    const lastText = lines.at(-1)?.text;
    const tail = texts(await collect(readLogs(path, { tail: 1 })));
    if (intact.at(-1)?.text === lastText) assert.deepEqual(tail, [lastText]);
    assert.ok(
      reader.unreadable > 0 || to - from < 2 || to === log.length,
      `round ${round}: nothing was reported`,
    );
  }
});
