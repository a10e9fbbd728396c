// Reads a log in every way, and prints what came of each. Argument: its path.
import { createHash } from "node:crypto";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { readLogs } from "../../../src/logs/index.js";
import { Scanner } from "../../../src/logs/scanner/scanner.js";

const [, , path = ""] = process.argv;
const digest = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");

console.log("scanner", Scanner.shared !== undefined);
const entries: unknown[] = [];
for await (const entry of readLogs(path)) entries.push([entry, entry.timeNanos.toString()]);
console.log("entries", entries.length, digest(JSON.stringify(entries)));
for (const stream of [undefined, "stderr"] as const) {
  const options = stream === undefined ? {} : { stream };
  console.log("bytes", stream, digest(await buffer(readLogs(path, options).bytes())));
  const out = new PassThrough();
  const [written] = await Promise.all([
    buffer(out),
    readLogs(path, options)
      .writeTo(out)
      .then(() => out.end()),
  ]);
  console.log("writeTo", stream, digest(written));
}
