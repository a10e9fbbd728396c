// The generated decoders and encoders do what fromBinary() and toBinary() of protobuf-es do, for all bytes and all values.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import {
  create,
  createRegistry,
  type DescMessage,
  equals,
  fromBinary,
  type Message,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { codecs } from "../../gen/runtime/v1/api_codecs.js";
import {
  ContainerEventResponseSchema,
  ContainerStatusResponseSchema,
  CreateContainerRequestSchema,
  ListContainersResponseSchema,
  ListImagesResponseSchema,
  ListPodSandboxStatsResponseSchema,
  RuntimeService,
  VersionResponseSchema,
} from "../../gen/runtime/v1/api_pb.js";
import { decodeMessage, encodeMessage } from "../../src/transport/index.js";
import { checkout, nodeArgs } from "../support/checkout.js";
import { SeededRandom } from "../support/random.js";
import { delimited, group, mutated, randomWire, tag, varint } from "../support/wire-messages.js";

const roots = [...codecs.keys()];
const registry = createRegistry();
const rounds = 40;

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

function outcome<T>(run: () => T): Outcome<T> {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

/** Lists the own properties of all objects in their order, which deepEqual ignores. */
function shape(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return typeof value;
  return Object.entries(value).map(([name, item]) => [name, shape(item)]);
}

/** Decodes a message that other bytes surround, all of which are overwritten afterwards: such as those in the buffer of a socket. */
function decodeWithin<D extends DescMessage>(schema: D, bytes: Uint8Array, around: number): MessageShape<D> {
  const buffer = Buffer.alloc(bytes.length + 40, around);
  buffer.set(bytes, 20);
  try {
    return decodeMessage(schema, buffer, 20, 20 + bytes.length);
  } finally {
    buffer.fill(0xa5);
  }
}

/** Decodes bytes in both ways. Returns the message, or nothing if both fail. */
function decodeBoth<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> | undefined {
  const expected = outcome(() => fromBinary(schema, Uint8Array.from(bytes)));
  // The end of a varint, the middle of one, and a field: what follows a message that ends early must not complete it.
  const around = [0x01, 0x81, 0x08][bytes.length % 3] ?? 0;
  const actual = outcome(() => decodeWithin(schema, bytes, around));
  const context = () => `${schema.typeName} ${Buffer.from(bytes).toString("hex")}`;
  if ("error" in expected) {
    assert.ok("error" in actual, `only fromBinary() fails: ${expected.error}: ${context()}`);
    assert.equal(String(actual.error), String(expected.error), context());
    return undefined;
  }
  if ("error" in actual) assert.fail(`only decodeMessage() fails: ${actual.error}: ${context()}`);
  assert.deepEqual(actual.value, expected.value, context());
  assert.deepEqual(shape(actual.value), shape(expected.value), context());
  assert.ok(
    equals(schema, actual.value, expected.value, { registry, unknown: true }) || hasNaN(expected.value),
    context(),
  );
  return expected.value;
}

function hasNaN(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return Number.isNaN(value);
  return Object.values(value).some(hasNaN);
}

/** Encodes a message in both ways. */
function encodeBoth(schema: DescMessage, message: Message): void {
  const expected = outcome(() => toBinary(schema, message));
  const actual = outcome(() => encodeMessage(schema, message));
  if ("error" in expected) {
    assert.ok("error" in actual, `only toBinary() fails: ${expected.error}`);
    assert.equal(String(actual.error), String(expected.error));
    return;
  }
  if ("error" in actual) assert.fail(`only encodeMessage() fails: ${actual.error}`);
  assert.deepEqual(actual.value, expected.value, schema.typeName);
}

test("the generated code is up to date", () => {
  const args = nodeArgs("scripts/codecs.ts", "--check");
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd: checkout,
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
});

test("the frequent and the large messages have codecs, and other schemas do not need one", () => {
  const { method } = RuntimeService;
  for (const rpc of ["listContainers", "containerStatus", "getContainerEvents", "version"] as const)
    assert.ok(codecs.get(method[rpc].input)?.[1] && codecs.get(method[rpc].output)?.[0], rpc);
  assert.ok(!codecs.has(CreateContainerRequestSchema));
  const request = create(CreateContainerRequestSchema, { podSandboxId: "a", config: { labels: { b: "c" } } });
  const bytes = encodeMessage(CreateContainerRequestSchema, request);
  assert.deepEqual(bytes, toBinary(CreateContainerRequestSchema, request));
  assert.deepEqual(decodeMessage(CreateContainerRequestSchema, bytes), request);
});

test("random encodings, and mutations of them, are decoded and encoded as by protobuf-es", (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  let [decoded, refused] = [0, 0];
  for (const schema of roots)
    for (let round = 0; round < rounds; round++) {
      const bytes = randomWire(schema, random, false);
      const faulty = randomWire(schema, random);
      for (const input of [
        bytes,
        new Uint8Array(bytes),
        faulty,
        mutated(bytes, random),
        mutated(faulty, random),
      ]) {
        const message = decodeBoth(schema, input);
        if (message) decoded++;
        else refused++;
        if (message) encodeBoth(schema, message);
      }
    }
  // Otherwise the property would say nothing about one of the two.
  assert.ok(decoded > 3_000 && refused > 300, `${decoded} decoded, ${refused} refused`);
});

test("messages with wrong values are encoded as by protobuf-es, or refused with the same error", (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  let changed = 0;
  for (const schema of roots)
    for (let round = 0; round < rounds; round++) {
      const message = outcome(() => fromBinary(schema, randomWire(schema, random, false)));
      if ("error" in message) continue;
      if (spoil(message.value, random)) changed++;
      encodeBoth(schema, message.value);
    }
  assert.ok(changed > 700, `${changed} messages were changed`);
});

/** Replaces a value somewhere in a message by another one. */
function spoil(target: object, random: SeededRandom): boolean {
  const names = Object.keys(target);
  const name = names[random.below(names.length)];
  if (name === undefined) return false;
  const value: unknown = Reflect.get(target, name);
  const isBytes = value instanceof Uint8Array;
  if (typeof value === "object" && value !== null && !isBytes && random.next() < 0.7)
    return spoil(value, random);
  const odd = [undefined, null, "5", "", "\ud800 lone", -1, 1.5, 2 ** 31, 2 ** 32, -0, Number.NaN, true, 7n];
  const larger = [-1n, 2n ** 63n, 2n ** 64n, -(2n ** 63n) - 1n, [], {}, [1], new Uint8Array(3), new Set([1])];
  const all = [...odd, ...larger];
  return Reflect.set(target, name, all[random.below(all.length)]);
}

test("strings of every length, and those that differ in one byte only, stay apart", () => {
  for (let length = 0; length <= 260; length += length < 20 ? 1 : 7) {
    const variants = [Buffer.alloc(length, 97)];
    for (let at = 0; at < length; at++) {
      const variant = Buffer.alloc(length, 97);
      variant[at] = 98;
      variants.push(variant);
    }
    const bytes = Buffer.concat([...variants, ...variants, ...variants].map((text) => delimited(1, text)));
    const seen = variants.map((text) => {
      // Three times, as strings that recur are remembered.
      for (let i = 0; i < 3; i++) decodeMessage(VersionResponseSchema, delimited(1, text));
      return decodeMessage(VersionResponseSchema, delimited(1, text)).version;
    });
    assert.deepEqual(seen, variants.map(String));
    assert.equal(decodeMessage(VersionResponseSchema, bytes).version, String(variants.at(-1)));
  }
});

test("invalid UTF-8 is refused wherever a string may be, and every character is decoded", () => {
  for (const length of [1, 2, 3, 4, 8, 64, 128, 129, 300])
    for (const at of [0, length >> 1, length - 1]) {
      const text = Buffer.alloc(length, 97);
      text[at] = 0xff;
      assert.equal(decodeBoth(VersionResponseSchema, delimited(1, text)), undefined);
    }
  for (const text of ["é", "éa", "aé", "日", "日本", "🦀", "\u{0}", "\u{7f}", "\u{80}", "\ufeff", "\ufffd"])
    for (const padding of ["", "p".repeat(9), "p".repeat(126), "p".repeat(200)])
      for (const value of [text + padding, padding + text]) {
        const message = create(VersionResponseSchema, { version: value });
        assert.deepEqual(
          decodeBoth(VersionResponseSchema, toBinary(VersionResponseSchema, message)),
          message,
        );
        encodeBoth(VersionResponseSchema, message);
      }
});

test("inherited properties, null prototypes and absent messages are treated as by protobuf-es", () => {
  const status = create(ContainerStatusResponseSchema, { status: { id: "a" }, info: { b: "c" } });
  const nullPrototype: unknown = Object.assign(Object.create(null), status);
  for (const message of [Object.create(status), nullPrototype, undefined, null, {}])
    encodeBoth(ContainerStatusResponseSchema, message as Message);
});

test("lone surrogates are encoded as by protobuf-es", () => {
  for (const lone of ["\ud800", "\udc00"])
    for (const length of [0, 5, 30, 127, 200]) {
      const version = `${"a".repeat(length)}${lone}${"b".repeat(length)}`;
      encodeBoth(VersionResponseSchema, create(VersionResponseSchema, { version }));
    }
});

test("groups of unknown fields may be nested as deep as protobuf-es allows", () => {
  for (let depth = 95; depth <= 101; depth++) {
    let nested: Buffer = Buffer.alloc(0);
    for (let i = 0; i < depth; i++) nested = group(99, nested);
    decodeBoth(ListContainersResponseSchema, nested);
    // In a container, in the metadata of a container, and in an entry of its labels.
    decodeBoth(ListContainersResponseSchema, delimited(1, nested));
    decodeBoth(ListContainersResponseSchema, delimited(1, delimited(3, nested)));
    decodeBoth(ListContainersResponseSchema, delimited(1, delimited(8, nested)));
  }
});

test("lengths that exceed the message, the enclosing message or 32 bits are treated as by protobuf-es", () => {
  for (const length of [1n, 5n, 127n, 128n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n])
    for (const overlong of [0, 1, 4, 8])
      for (const content of ["", "\x0a\x01a", "\x0a\x09a", "\x12\x00\x12"]) {
        const bytes = Buffer.concat([tag(1, 2), varint(length, overlong), Buffer.from(content, "latin1")]);
        for (const schema of [ListContainersResponseSchema, VersionResponseSchema, ListImagesResponseSchema])
          decodeBoth(schema, bytes);
        decodeBoth(ContainerEventResponseSchema, Buffer.concat([delimited(5, bytes), delimited(1, bytes)]));
      }
});

test("a field that occurs twice is merged, and bytes after it are not lost", () => {
  const half = (name: string) =>
    delimited(
      1,
      Buffer.concat([delimited(2, delimited(1, Buffer.from(name))), delimited(77, Buffer.from(name))]),
    );
  const message = decodeBoth(ContainerStatusResponseSchema, Buffer.concat([half("a"), half("b")]));
  assert.deepEqual([message?.status?.metadata?.name, message?.status?.$unknown?.length], ["b", 2]);
});

test("a message that an encoder's getter encodes does not disturb the one around it", () => {
  const inner = create(ListImagesResponseSchema, { images: [{ id: "inner".repeat(30) }] });
  const outer = create(VersionResponseSchema, { runtimeName: "n".repeat(100), runtimeVersion: "v" });
  let isReentered = false;
  Object.defineProperty(outer, "runtimeVersion", {
    enumerable: true,
    get() {
      isReentered = true;
      assert.deepEqual(
        encodeMessage(ListImagesResponseSchema, inner),
        toBinary(ListImagesResponseSchema, inner),
      );
      return "v2";
    },
  });
  assert.deepEqual(encodeMessage(VersionResponseSchema, outer), toBinary(VersionResponseSchema, outer));
  assert.ok(isReentered);
});

test("a large message is encoded and decoded, and its bytes are not shared with the next one", () => {
  const stats = (i: number) => ({
    attributes: { id: `pod ${i}`, labels: { [`key ${i}`]: "v".repeat(i % 300) } },
  });
  const list = create(ListPodSandboxStatsResponseSchema, {
    stats: Array.from({ length: 4_000 }, (_, i) => stats(i)),
  });
  const bytes = encodeMessage(ListPodSandboxStatsResponseSchema, list);
  const copy = Buffer.from(bytes);
  encodeMessage(VersionResponseSchema, create(VersionResponseSchema, { version: "x".repeat(1_000_000) }));
  assert.ok(copy.equals(bytes) && copy.equals(toBinary(ListPodSandboxStatsResponseSchema, list)));
  assert.deepEqual(decodeMessage(ListPodSandboxStatsResponseSchema, bytes), list);
});
