import assert from "node:assert/strict";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { createServer, get, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { readLogs } from "../../src/logs/index.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { record } from "./support.js";

/** A log of several blocks, with the output of its container. */
async function bigLog(t: TestContext): Promise<{ path: string; printed: Buffer }> {
  const path = join(await tempFolder(t), "0.log");
  const contents = Array.from({ length: 60_000 }, (_, number) => `${number} ${"x".repeat(number % 90)}`);
  await writeFile(
    path,
    contents.map((content, number) => record(number >> 8, "stdout", "F", content)).join(""),
  );
  return { path, printed: Buffer.from(`${contents.join("\n")}\n`) };
}

/** Copies each chunk 5 ms after the write, and calls back then. */
class Slow extends Writable {
  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    setTimeout(() => {
      this.chunks.push(Buffer.from(chunk));
      done();
    }, 5);
  }
}

test("writeTo() writes the same bytes as bytes(), to streams that release chunks and to streams that retain them", async (t) => {
  const { path, printed } = await bigLog(t);
  const file = createWriteStream(`${path}.out`);
  const { reason } = await readLogs(path).writeTo(file);
  assert.equal(reason, "end_of_file");
  file.end();
  await once(file, "close");
  assert.ok(printed.equals(await readFile(`${path}.out`)));

  const through = new PassThrough({ highWaterMark: 64 * 1024 * 1024 });
  await readLogs(path).writeTo(through);
  through.end();
  assert.ok(printed.equals(await buffer(through)));
});

test("memory is not reused before the stream has called back, not even by other readers", async (t) => {
  const { path, printed } = await bigLog(t);
  const sinks = Array.from({ length: 3 }, () => new Slow());
  await Promise.all(sinks.map((sink) => readLogs(path).writeTo(sink, { reuse: true })));
  for (const { chunks } of sinks) assert.ok(printed.equals(Buffer.concat(chunks)));
});

test("an error of the stream is thrown, and the cursor is after the last chunk that it accepted", async (t) => {
  const { path, printed } = await bigLog(t);
  const taken: Buffer[] = [];
  const broken = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (taken.length === 1) return void setImmediate(done, new Error("no space"));
      taken.push(Buffer.from(chunk));
      done();
    },
  });
  const reader = readLogs(path);
  await assert.rejects(reader.writeTo(broken, { reuse: true }), { message: "no space" });
  assert.equal((await reader.ended).reason, "stopped");
  const cursor = reader.cursor;
  assert.ok(cursor);
  const rest = await buffer(readLogs(path, { from: cursor }).bytes());
  assert.ok(printed.equals(Buffer.concat([...taken, rest])));
});

test("a stream that has ended is refused", async (t) => {
  const { path } = await bigLog(t);
  const ended = new PassThrough();
  ended.end();
  await assert.rejects(readLogs(path).writeTo(ended), { reason: "invalid_option" });
});

test("a client that disconnects ends the follow whose output it receives", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "hello"));
  let done: Promise<unknown> | undefined;
  const server = createServer((_request, response: ServerResponse) => {
    const reader = readLogs(path, { follow: true });
    done = reader.writeTo(response).catch((error: unknown) => error);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const request = get({ port: (server.address() as AddressInfo).port, agent: false });
  const [response] = await once(request, "response");
  const [data] = await once(response, "data");
  assert.equal(String(data), "hello\n");
  response.on("error", () => undefined);
  request.destroy();
  const error = await done;
  assert.ok(error instanceof Error && "code" in error);
  assert.equal(error.code, "ERR_STREAM_PREMATURE_CLOSE");
});

test("a signal ends a write whose callback is pending", async (t) => {
  const { path } = await bigLog(t);
  let release: (() => void) | undefined;
  const stuck = new Writable({
    write(_chunk, _encoding, done) {
      release = done;
    },
  });
  const stop = new AbortController();
  const writing = readLogs(path, { signal: stop.signal }).writeTo(stuck, { reuse: true });
  await until(() => release !== undefined, "a write", 10_000);
  stop.abort();
  await assert.rejects(writing, { reason: "aborted_by_caller" });
  release?.();
  assert.equal(stuck.listenerCount("error"), 0);
});

test("a stream that is ended during a follow ends the reading", async (t) => {
  const path = join(await tempFolder(t), "0.log");
  await writeFile(path, record(1, "stdout", "F", "one"));
  const out = new PassThrough();
  const writing = readLogs(path, { follow: true }).writeTo(out);
  assert.equal(String((await once(out, "data"))[0]), "one\n");
  out.end();
  assert.equal((await writing).reason, "stopped");
  await appendFile(path, record(2, "stdout", "F", "two"));
});

test("close() ends a write whose callback is pending, and the cursor is before it", async (t) => {
  const { path, printed } = await bigLog(t);
  const taken: Buffer[] = [];
  let isStuck = false;
  const stuck = new Writable({
    write(chunk: Buffer, _encoding, done) {
      isStuck = taken.length > 0;
      if (isStuck) return;
      taken.push(Buffer.from(chunk));
      done();
    },
  });
  const reader = readLogs(path);
  const writing = reader.writeTo(stuck, { reuse: true });
  await until(() => isStuck, "a write that waits", 10_000);
  await reader.close();
  assert.equal((await within(5_000, writing)).reason, "stopped");
  const rest = await buffer(readLogs(path, { from: reader.cursor }).bytes());
  assert.ok(printed.equals(Buffer.concat([...taken, rest])));
  assert.equal(stuck.listenerCount("error"), 0);
});
