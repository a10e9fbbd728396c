import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriError } from "../../src/core/index.js";
import { failedInRuntime } from "../../src/streaming/errors.js";
import {
  commandExit,
  formatJsonStatus,
  formatTextStatus,
  parseJsonStatus,
  parseTextStatus,
  StatusReader,
} from "../../src/streaming/exit-status.js";
import { streamingProtocols } from "../../src/streaming/protocols.js";
import { encodeResize, ResizeDecoder } from "../../src/streaming/resize.js";
import { decodeChannel, encodeChannel, encodeChannelEnd } from "../../src/streaming/websocket/channels.js";
import { SeededRandom } from "../support/random.js";

const webSocketProtocols = streamingProtocols.filter(
  ({ transport, tunnel }) => transport === "websocket" && !tunnel,
);
const malformed = (error: unknown) => isCriError(error) && error.reason === "malformed_stream";
const isInvalidOption = (error: unknown) => isCriError(error) && error.reason === "invalid_option";
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Statuses that containerd and CRI-O send. */
const statuses: [string, unknown, object][] = [
  ["containerd: success", { metadata: {}, status: "Success" }, { kind: "exited", exitCode: 0 }],
  [
    "containerd: exit 7",
    {
      metadata: {},
      status: "Failure",
      message:
        "command terminated with non-zero exit code: error executing command [sh -c exit 7], exit code 7",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "7" }] },
    },
    { kind: "exited", exitCode: 7 },
  ],
  [
    "exit 255",
    {
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "255" }] },
    },
    { kind: "exited", exitCode: 255 },
  ],
  [
    "CRI-O: exit code -1 means unknown",
    {
      status: "Failure",
      message: "m",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "-1" }] },
    },
    { kind: "unknown", message: "m" },
  ],
  [
    "an exit code that is not a number",
    {
      status: "Failure",
      message: "m",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "x" }] },
    },
    { kind: "unknown", message: "m" },
  ],
  [
    "no causes",
    { status: "Failure", message: "m", reason: "NonZeroExitCode" },
    { kind: "unknown", message: "m" },
  ],
  [
    "not started",
    {
      status: "Failure",
      message: "failed to start exec",
      reason: "InternalError",
      details: { causes: [{ message: "x" }] },
      code: 500,
    },
    { kind: "failed", message: "failed to start exec" },
  ],
];
for (const [name, value, expected] of statuses)
  test(`JSON status: ${name}`, () => assert.deepEqual(parseJsonStatus(json(value)), expected));

test("an invalid JSON status is malformed", () => {
  for (const text of ["{", "[]", '"Success"', "null", "{}", '{"status":"Maybe"}', "\0"])
    assert.throws(() => parseJsonStatus(Buffer.from(text)), malformed, text);
  assert.equal(parseJsonStatus(Buffer.alloc(0)).kind, "unknown");
});

test("text statuses", () => {
  const parse = (text: string) => parseTextStatus(Buffer.from(text));
  assert.deepEqual(parse(""), { kind: "exited", exitCode: 0 });
  assert.deepEqual(parse("command terminated ... exit code 7"), { kind: "exited", exitCode: 7 });
  assert.deepEqual(parse("exit status 137"), { kind: "exited", exitCode: 137 });
  assert.deepEqual(parse("no such container"), { kind: "failed", message: "no such container" });
});

test("formatted statuses are parsed", () => {
  for (const exitCode of [0, 1, 127, 137, 255]) {
    const status = { kind: "exited", exitCode } as const;
    assert.deepEqual(parseJsonStatus(formatJsonStatus(status)), status);
    assert.deepEqual(parseTextStatus(formatTextStatus(status)), status);
  }
  const failed = { kind: "failed", message: "the container was removed" } as const;
  assert.deepEqual(parseJsonStatus(formatJsonStatus(failed)), failed);
  assert.deepEqual(parseTextStatus(formatTextStatus(failed)), failed);
});

test("an oversized status is malformed, and one that was cut off is unknown", () => {
  const reader = new StatusReader(true);
  assert.throws(() => {
    for (let part = 0; part < 20; part++) reader.push(Buffer.alloc(65_536));
  }, malformed);
  const cut = new StatusReader(true);
  cut.push(Buffer.from('{"status":"Suc'));
  cut.end(true);
  assert.equal(cut.status?.kind, "unknown");
  const text = new StatusReader(false);
  text.end(true);
  assert.equal(text.status?.kind, "unknown");
  const whole = new StatusReader(true);
  for (const byte of json({ status: "Success" })) whole.push(Buffer.from([byte]));
  assert.equal(whole.status, undefined);
  whole.end(false);
  assert.deepEqual(whole.status, { kind: "exited", exitCode: 0 });
});

test("an exit code over 128 names a signal if one has that number", () => {
  assert.deepEqual(commandExit(137), { exitCode: 137, signal: "SIGKILL" });
  assert.deepEqual(commandExit(143), { exitCode: 143, signal: "SIGTERM" });
  assert.deepEqual(commandExit(255), { exitCode: 255, signal: undefined });
  assert.deepEqual(commandExit(128), { exitCode: 128, signal: undefined });
});

test("a failure in the runtime differs from a command that was not started", () => {
  const started =
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "x": executable file not found in $PATH';
  assert.equal(failedInRuntime(started).reason, "exec_not_started");
  assert.equal(failedInRuntime("write |1: broken pipe").reason, "runtime_error");
});

test("resize messages are decoded whole, split and joined", () => {
  const decoder = new ResizeDecoder();
  const bytes = Buffer.concat([
    encodeResize({ columns: 100, rows: 30 }),
    Buffer.from('{"height":5,"width":0}{"WIDTH":80,"Height":24}\n'),
    encodeResize({ columns: 65_535, rows: 1 }),
  ]);
  const sizes = [];
  for (const byte of bytes) sizes.push(...decoder.push(Buffer.from([byte])));
  assert.deepEqual(sizes, [
    { columns: 100, rows: 30 },
    { columns: 80, rows: 24 },
    { columns: 65_535, rows: 1 },
  ]);
});

test("invalid sizes are refused", () => {
  for (const size of [
    { columns: 0, rows: 1 },
    { columns: 1.5, rows: 1 },
    { columns: 1, rows: 65_536 },
  ])
    assert.throws(() => encodeResize(size), /size\.(?:columns|rows) must be a whole number/);
  for (const text of [
    '{"Width":-1}',
    '{"Width":70000}',
    '{"Width":"8"}',
    "}",
    '["Width"}',
    "x".repeat(2_000),
  ])
    assert.throws(() => new ResizeDecoder().push(Buffer.from(text)), malformed, text);
});

for (const protocol of webSocketProtocols)
  test(`channels of ${protocol.kind} sessions in ${protocol.name}`, () => {
    const bytes = Buffer.from([0, 1, 255, 10, 200]);
    for (const channel of [0, 1, 4]) {
      const message = encodeChannel(protocol, channel, bytes);
      assert.equal(typeof message, protocol.base64 ? "string" : "object");
      assert.deepEqual(decodeChannel(protocol, Buffer.from(message)), { channel, bytes, end: false });
    }
    if (protocol.halfClose)
      assert.deepEqual(decodeChannel(protocol, encodeChannelEnd(protocol, 0)), { channel: 0, end: true });
    else assert.throws(() => encodeChannelEnd(protocol, 0), isInvalidOption);
    assert.throws(() => decodeChannel(protocol, Buffer.alloc(0)), malformed);
  });

test("every message decodes or is malformed", (t) => {
  const [first, ...rest] = webSocketProtocols;
  assert.ok(first);
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  for (let round = 0; round < 5_000; round++) {
    const protocol = random.of(first, ...rest);
    try {
      decodeChannel(protocol, random.bytes(random.below(12)));
    } catch (error) {
      assert.ok(malformed(error), String(error));
    }
  }
});
