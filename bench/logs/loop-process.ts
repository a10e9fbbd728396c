// Runs one loop over a log, in a process of its own. Arguments: the loop's name and the path. Reads the log once per message, and responds
// with the time that it took.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readLogs } from "cri-sdk/logs";
import { answerOrders, costOf } from "../answer-orders.js";
import type { LoopName } from "./names.js";

const [, , name = "", path = ""] = process.argv;

/** Counts the bytes that are written to it. */
class Sink extends Writable {
  bytes = 0;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytes += chunk.length;
    done();
  }
}

/** Each returns a number that depends on everything it read, so that the compiler cannot omit any work. */
const loops: Readonly<Record<LoopName, () => Promise<number>>> = {
  async readline() {
    let length = 0;
    for await (const line of createInterface({ input: createReadStream(path) })) length += line.length;
    return length;
  },
  "readline, on('line')": () =>
    new Promise((resolve) => {
      let length = 0;
      const lines = createInterface({ input: createReadStream(path) });
      lines.on("line", (line) => {
        length += line.length;
      });
      lines.on("close", () => resolve(length));
    }),
  async "bytes to a stream"() {
    const sink = new Sink();
    await readLogs(path).writeTo(sink, { reuse: true });
    return sink.bytes;
  },
  async "bytes to a pipeline"() {
    const sink = new Sink();
    await pipeline(Readable.from(readLogs(path).bytes()), sink);
    return sink.bytes;
  },
  async "entries in batches"() {
    let length = 0;
    for await (const batch of readLogs(path).batches())
      for (const entry of batch) length += entry.text.length;
    return length;
  },
  async "entries in batches, no text"() {
    let count = 0;
    for await (const batch of readLogs(path).batches())
      for (const entry of batch) if (entry.stream === "stderr") count++;
    return count;
  },
  async "entries one by one"() {
    let length = 0;
    for await (const entry of readLogs(path)) length += entry.text.length;
    return length;
  },
};

answerOrders(() =>
  costOf(async () => {
    const read = await loops[name as LoopName]();
    if (read === 0) throw new Error("nothing was read");
  }),
);
