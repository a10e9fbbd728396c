// One loop over a log, in a process of its own. Arguments: its name, and the path. Each message is an order to read the log once; the
// answer is how long that took.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readLogs } from "cri-sdk/logs";
import type { LoopName } from "./names.js";

export interface LoopResult {
  readonly wallMs: number;
  readonly cpuMs: number;
}

const [, , name = "", path = ""] = process.argv;

/** Counts what is written to it. */
class Sink extends Writable {
  bytes = 0;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytes += chunk.length;
    done();
  }
}

/** Each gives a number that depends on all that it read, so that nothing is left out. */
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

process.on("message", () => {
  run().then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

async function run(): Promise<LoopResult> {
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  const read = await loops[name as LoopName]();
  if (read === 0) throw new Error("nothing was read");
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs, cpuMs: (user + system) / 1_000 };
}
