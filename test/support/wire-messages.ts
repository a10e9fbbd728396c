// Random encodings of messages, for property tests: fields in any order, several times, with wrong wire types, and unknown ones.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { SeededRandom } from "./random.js";

const texts = [
  "",
  "a",
  "web",
  "__proto__",
  "toString",
  "io.kubernetes.pod.name",
  "io.kubernetes.pod.namespace",
  "ü",
  "naïve",
  "\ufeffbyte order mark",
  "日本語のテキスト",
  "🦀".repeat(10),
  "x".repeat(127),
  "x".repeat(128),
  "x".repeat(129),
  `${"x".repeat(150)}é`,
  `${"0123456789abcdef".repeat(4)}`,
];

/** Returns the bytes of a message with random fields. With `faults`, decoding them may fail. */
export function randomWire(schema: DescMessage, random: SeededRandom, faults = true, depth = 0): Buffer {
  const parts: Buffer[] = [];
  const count = schema.fields.length === 0 ? random.below(2) : random.below(depth === 0 ? 12 : 6);
  for (let i = 0; i < count; i++) {
    const field = schema.fields[random.below(schema.fields.length)];
    parts.push(
      !field || random.next() < 0.08 ? unknownField(random) : knownField(field, random, faults, depth),
    );
  }
  return Buffer.concat(parts);
}

/** Returns a copy with a few bytes changed, removed, inserted or repeated. */
export function mutated(bytes: Buffer, random: SeededRandom): Buffer {
  let result = Buffer.from(bytes);
  for (let i = random.below(3); i >= 0; i--) {
    const at = random.below(result.length + 1);
    const [before, after] = [result.subarray(0, at), result.subarray(at)];
    const edit = random.below(5);
    if (edit === 0) result = Buffer.from(before);
    else if (edit === 1) result = Buffer.concat([before, random.bytes(random.below(4)), after]);
    else if (edit === 2) result = Buffer.concat([before, after.subarray(random.below(4))]);
    else if (edit === 3) result = Buffer.concat([before, before.subarray(-random.below(9)), after]);
    else if (at < result.length) result[at] = random.of(0, 0x7f, 0x80, 0xff, random.below(256));
  }
  return result;
}

export function varint(value: bigint, overlong = 0): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  for (let i = 0; i < overlong; i++) {
    bytes.push((bytes.pop() ?? 0) | 0x80);
    bytes.push(0);
  }
  return Buffer.from(bytes);
}

export function tag(number: number, wireType: number): Buffer {
  return varint((BigInt(number) << 3n) | BigInt(wireType));
}

export function delimited(number: number, content: Buffer): Buffer {
  return Buffer.concat([tag(number, 2), varint(BigInt(content.length)), content]);
}

export function group(number: number, content: Buffer): Buffer {
  return Buffer.concat([tag(number, 3), content, tag(number, 4)]);
}

function unknownField(random: SeededRandom): Buffer {
  const number = random.of(13, 99, 1_000, 2 ** 29 - 1);
  const kind = random.below(6);
  if (kind === 0) return Buffer.concat([tag(number, 0), anyVarint(random)]);
  if (kind === 1) return Buffer.concat([tag(number, 1), random.bytes(8)]);
  if (kind === 2) return Buffer.concat([tag(number, 5), random.bytes(4)]);
  if (kind === 3) return group(number, random.next() < 0.5 ? unknownField(random) : Buffer.alloc(0));
  return delimited(number, random.bytes(random.below(20)));
}

function knownField(field: DescField, random: SeededRandom, faults: boolean, depth: number): Buffer {
  if (faults && random.next() < 0.02)
    return Buffer.concat([
      tag(field.number, random.below(6)),
      anyVarint(random),
      random.bytes(random.below(9)),
    ]);
  if (field.message) return delimited(field.number, randomWire(field.message, random, faults, depth + 1));
  if (field.fieldKind === "map") return delimited(field.number, mapEntry(random, faults));
  const scalar = field.scalar ?? ScalarType.INT32;
  if (scalar === ScalarType.STRING) return delimited(field.number, text(random, faults));
  if (scalar === ScalarType.BYTES) return delimited(field.number, random.bytes(random.below(300)));
  if (scalar === ScalarType.DOUBLE) return Buffer.concat([tag(field.number, 1), random.bytes(8)]);
  if (field.fieldKind !== "list" || random.next() < 0.5)
    return Buffer.concat([tag(field.number, 0), anyVarint(random)]);
  return delimited(
    field.number,
    Buffer.concat(Array.from({ length: random.below(4) }, () => anyVarint(random))),
  );
}

function mapEntry(random: SeededRandom, faults: boolean): Buffer {
  const parts = Array.from({ length: random.of(2, 2, 2, random.below(5)) }, (_, i) => {
    if (random.next() < 0.05) return unknownField(random);
    const number = random.next() < 0.9 ? i + 1 : 1 + random.below(3);
    return delimited(number, text(random, faults));
  });
  return Buffer.concat(parts);
}

function text(random: SeededRandom, faults: boolean): Buffer {
  if (faults && random.next() < 0.02) return random.bytes(random.below(200));
  const value = texts[random.below(texts.length)] ?? "";
  return Buffer.from(random.next() < 0.7 ? value : value + random.below(1_000));
}

function anyVarint(random: SeededRandom): Buffer {
  const value = random.of(
    0n,
    1n,
    BigInt(random.below(300)),
    random.bytes(4).readUInt32LE() === 0 ? 0n : BigInt(random.bytes(4).readInt32LE()),
    random.bytes(8).readBigInt64LE(),
    2n ** 63n - 1n,
    -(2n ** 63n),
    BigInt(random.size(2 ** 53)),
  );
  return varint(value, random.next() < 0.1 ? random.below(6) : 0);
}
