import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriError } from "../../src/core/index.js";
import {
  type ControlFrame,
  encodeDataHeader,
  encodeFin,
  encodeGoaway,
  encodePing,
  encodeReset,
  encodeSynReply,
  encodeSynStream,
  FrameDecoder,
} from "../../src/streaming/spdy/frames.js";
import { HeaderPacker, HeaderUnpacker } from "../../src/streaming/spdy/headers.js";
import { SeededRandom } from "../support/random.js";

/** The frames of a decoder, with the parts of each DATA frame joined. */
class FrameLog {
  readonly events: (ControlFrame | { data: number; text: string; fin: boolean })[] = [];
  #open = false;

  onData(streamId: number, part: Buffer, fin: boolean): void {
    const last = this.events.at(-1);
    if (this.#open && last && "data" in last && last.data === streamId) {
      last.text += part.toString("latin1");
      last.fin = fin;
    } else this.events.push({ data: streamId, text: part.toString("latin1"), fin });
    this.#open = true;
  }

  onControl(frame: ControlFrame): void {
    this.#open = false;
    this.events.push(frame);
  }
}

function decode(chunks: Iterable<Buffer>): FrameLog {
  const log = new FrameLog();
  const decoder = new FrameDecoder(log);
  for (const chunk of chunks) decoder.push(chunk);
  assert.ok(decoder.atBoundary);
  return log;
}

const block = Buffer.from("block");
const data = (streamId: number, text: string, fin = false) =>
  Buffer.concat([encodeDataHeader(streamId, text.length, fin), Buffer.from(text, "latin1")]);
const frames = Buffer.concat([
  encodeSynStream(1, block),
  encodeSynStream(3, block, 3),
  encodeSynReply(1, block, 1),
  data(1, "x".repeat(300)),
  encodePing(2),
  data(3, "", true),
  data(5, "last", true),
  encodeReset(7, 5),
  // SETTINGS with one entry, WINDOW_UPDATE, and an unknown type.
  Buffer.from("8003000400000008000000000000000100000001".slice(0, 32), "hex"),
  Buffer.from("80030009000000080000000100000001", "hex"),
  Buffer.from("8003004d00000003616263", "hex"),
  encodeGoaway(7, 0),
]);
const expected = [
  { type: "syn_stream", streamId: 1, fin: false, unidirectional: false, block },
  { type: "syn_stream", streamId: 3, fin: true, unidirectional: true, block },
  { type: "syn_reply", streamId: 1, fin: true, block },
  { data: 1, text: "x".repeat(300), fin: false },
  { type: "ping", id: 2 },
  { data: 3, text: "", fin: true },
  { data: 5, text: "last", fin: true },
  { type: "reset", streamId: 7, status: 5 },
  { type: "ignored", number: 4 },
  { type: "ignored", number: 9 },
  { type: "ignored", number: 77 },
  { type: "goaway", lastStreamId: 7, status: 0 },
];

for (const size of [1, 2, 3, 7, 8, 9, 64, frames.byteLength])
  test(`decodes frames from chunks of ${size} bytes`, () => {
    const chunks = [];
    for (let at = 0; at < frames.byteLength; at += size) chunks.push(frames.subarray(at, at + size));
    assert.deepEqual(decode(chunks).events, expected);
  });

test("the payload of DATA is passed on while it arrives, without a copy", () => {
  const parts: Buffer[] = [];
  const decoder = new FrameDecoder({ onControl: () => assert.fail(), onData: (_, part) => parts.push(part) });
  const chunk = data(9, "0123456789").subarray(0, 12);
  decoder.push(chunk);
  assert.equal(Buffer.concat(parts).toString(), "0123");
  assert.equal(parts[0]?.buffer, chunk.buffer);
  assert.equal(decoder.atBoundary, false);
});

test("an empty FIN is an empty DATA frame with the flag", () => {
  assert.equal(encodeFin(3).toString("hex"), "0000000301000000");
});

const broken: [string, string][] = [
  ["DATA on stream 0", "0000000000000001"],
  ["another version of SPDY", "8002000600000004"],
  ["a PING that is too short", "80030006000000020000"],
  ["a GOAWAY that is too short", "800300070000000400000000"],
  ["a RST_STREAM that is too short", "800300030000000400000001"],
  ["a SYN_STREAM that is too short", "800300010000000400000001"],
  ["a SYN_STREAM on stream 0", `800300010000000a${"00".repeat(10)}`],
  ["a control frame over 64 KiB", "8003000100010001"],
];
for (const [name, hex] of broken)
  test(`malformed: ${name}`, () => {
    const bytes = Buffer.concat([Buffer.from(hex, "hex"), Buffer.alloc(16)]);
    assert.throws(
      () => decode([bytes]),
      (error) => isCriError(error) && error.reason === "malformed_stream" && error.code === "internal",
    );
  });

test("every byte sequence decodes or is malformed, for any chunks", (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  let failed = 0;
  for (let round = 0; round < 4_000; round++) {
    // Half of the inputs are valid frames with a few changed bytes, which get further than random bytes.
    const bytes = round % 2 === 0 ? random.bytes(random.below(200)) : Buffer.from(frames);
    for (let changes = random.below(4); changes > 0; changes--)
      bytes[random.below(bytes.byteLength)] = random.below(256);
    let handed = 0;
    const decoder = new FrameDecoder({
      onControl: () => undefined,
      onData(_, part) {
        handed += part.byteLength;
      },
    });
    try {
      for (let at = 0; at < bytes.byteLength; ) {
        const size = 1 + random.below(40);
        decoder.push(bytes.subarray(at, at + size));
        at += size;
      }
    } catch (error) {
      failed++;
      assert.ok(isCriError(error) && error.reason === "malformed_stream", String(error));
    }
    assert.ok(handed <= bytes.byteLength);
  }
  assert.ok(failed > 100, `only ${failed} failed: the test reaches too little`);
});

test("a control frame that arrives byte by byte is decoded", () => {
  const log = new FrameLog();
  const decoder = new FrameDecoder(log);
  const frame = encodeSynStream(1, Buffer.alloc(60_000));
  for (const byte of frame) decoder.push(Buffer.from([byte]));
  assert.equal(log.events.length, 1);
});

test("every header block unpacks or is malformed", (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  for (let round = 0; round < 1_500; round++) {
    const packer = new HeaderPacker();
    const unpacker = new HeaderUnpacker();
    const blocks = [
      packer.pack({ streamtype: "error" }),
      packer.pack({ port: "80", requestid: "1" }),
    ] as const;
    const target = random.of(...blocks);
    for (let changes = 1 + random.below(3); changes > 0; changes--)
      target[random.below(target.byteLength)] = random.below(256);
    try {
      for (const one of blocks) unpacker.unpack(round % 3 === 0 ? random.bytes(random.below(60)) : one);
    } catch (error) {
      assert.ok(isCriError(error) && error.reason === "malformed_stream", String(error));
    }
  }
});
