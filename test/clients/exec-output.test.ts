import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/index.js";
import { memoryTransport } from "../../src/server.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";

const limit = 16 << 20;
const prefix = "2026-01-02T03:04:05.123456789+00:00 stdout F ";

/** Passes an output through the log of CRI-O's monitor, which has a maximum size, and reads it again. */
function throughLog(output: Buffer, readBytes: number): Buffer {
  const kept: Buffer[] = [];
  let logged = 0;
  for (let at = 0; at < output.length && logged < limit; at += readBytes) {
    const read = output.subarray(at, at + readBytes);
    for (let start = 0; start < read.length && logged < limit; ) {
      const newline = read.indexOf(10, start);
      const end = newline < 0 ? read.length : newline + 1;
      // The file is truncated to the limit.
      const room = limit - logged - prefix.length;
      kept.push(read.subarray(start, Math.min(end, start + Math.max(0, room))));
      logged += prefix.length + (end - start) + (newline < 0 ? 1 : 0);
      start = end;
    }
  }
  return Buffer.concat(kept);
}

/** Creates a client of a runtime that answers each ExecSync with one output. */
function runtimeWith(t: Parameters<typeof cleanup>[0], runtimeName: string, output: Buffer) {
  const names = { version: "0.1.0", runtimeName, runtimeVersion: "1", runtimeApiVersion: "v1" };
  let asked = 0;
  const version = () => {
    asked++;
    return names;
  };
  const execSync = () => ({ stdout: output.subarray(0, -1), stderr: output.subarray(-1), exitCode: 0 });
  const cri = connect.through(memoryTransport({ runtime: { version, execSync } }));
  cleanup(t, () => cri.close());
  const run = () => cri.runtime.execSync({ containerId: "a".repeat(64), cmd: ["x"] });
  return { run, asked: () => asked };
}

const outputs = {
  "one long line": (bytes: number) => Buffer.alloc(bytes, "x"),
  "lines of 10 bytes": (bytes: number) => Buffer.alloc(bytes, "123456789\n"),
  "lines of 9,000 bytes": (bytes: number) => Buffer.alloc(bytes, `${"y".repeat(8_999)}\n`),
};

test("an output that CRI-O has cut is output_too_large, whatever its lines are", async (t) => {
  for (const [name, make] of Object.entries(outputs))
    for (const readBytes of [8_192, 4_096]) {
      const cut = throughLog(make(limit), readBytes);
      assert.ok(cut.length < limit, `${name}: ${cut.length} of ${limit} bytes`);
      const error = await failure(runtimeWith(t, "cri-o", cut).run());
      assert.deepEqual([error.code, error.reason], ["resource_exhausted", "output_too_large"], name);
      assert.equal(error.method, "ExecSync");
      assert.match(error.rawMessage, new RegExp(`got ${cut.length} bytes`));
      assert.match(error.hint ?? "", /runCommand/);
      // Another runtime sends the whole output, or an error.
      const other = await runtimeWith(t, "containerd", cut).run();
      assert.equal(other.stdout.length + other.stderr.length, cut.length);
    }
});

test("a complete output is returned, and the runtime's name is not asked for", async (t) => {
  for (const [name, bytes] of [
    ["one long line", 15 << 20],
    ["one long line", 1],
    ["lines of 10 bytes", 2_700_000],
    ["lines of 9,000 bytes", 15 << 20],
  ] as const) {
    const whole = outputs[name](bytes);
    assert.equal(throughLog(whole, 8_192).length, bytes, "the log holds it");
    const { run, asked } = runtimeWith(t, "cri-o", whole);
    const { stdout, stderr } = await run();
    assert.equal(stdout.length + stderr.length, bytes);
    assert.equal(asked(), 0);
  }
  // CRI-O's log cannot hold this, so it is another runtime's.
  const { run, asked } = runtimeWith(t, "containerd", outputs["lines of 10 bytes"](5 << 20));
  assert.equal((await run()).stdout.length, (5 << 20) - 1);
  assert.equal(asked(), 0);
});
