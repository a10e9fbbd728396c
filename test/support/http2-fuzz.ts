import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import {
  ClientConnection,
  MemoryLimit,
  RepeatedHeaders,
  ServerConnection,
  type Stream,
  type StreamReceiver,
} from "../../src/http2/index.js";
import { duplexPair } from "./duplex-pair.js";
import * as h2 from "./frames.js";
import { SeededRandom } from "./random.js";
import { until, within } from "./waiting.js";

type Tested = "client" | "server";

const requestFields = { ":method": "POST", ":scheme": "http", ":path": "/s/m", te: "trailers" };
const request = new RepeatedHeaders(requestFields);
const response = new RepeatedHeaders({ ":status": "200" });
const okTrailers = new RepeatedHeaders({ "grpc-status": "0" });
/** The calls that a tested client makes before its input arrives. */
const clientCalls = 4;

/** A socket that receives the given chunks, then the end, and that takes everything. */
class Replay extends Duplex {
  readonly #chunks: Buffer[];
  readonly sent: Buffer[] = [];

  constructor(chunks: readonly Buffer[]) {
    super({ allowHalfOpen: true });
    this.#chunks = [...chunks];
  }

  override _read(): void {
    this.push(this.#chunks.shift() ?? null);
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent.push(chunk);
    done();
  }
}

/** Records callbacks, and fails if one comes after the end, or if the end does not come. */
class Recorder implements StreamReceiver {
  readonly log: string[] = [];
  bytes = 0;
  closes = 0;
  respond: () => void = () => undefined;

  onHeaders(): void {
    this.#add("headers");
  }

  onData(_: Buffer, start: number, end: number): void {
    assert.equal(this.closes, 0, "data after the end");
    this.bytes += end - start;
  }

  onTrailers(): void {
    this.#add("trailers");
  }

  onEnd(): void {
    this.#add("end");
    this.respond();
  }

  onClose({ cause, code }: { readonly cause: string; readonly code: number }): void {
    this.#add(`close ${cause} ${code}`);
    this.closes++;
  }

  #add(entry: string): void {
    assert.equal(this.closes, 0, `${entry} after the end`);
    this.log.push(entry);
  }
}

function respond(stream: Stream): void {
  stream.respond(response, { "x-n": `${stream.id}` });
  stream.write(Buffer.alloc(3_000, 1));
  stream.end(okTrailers);
}

/** Runs a connection on the given input. Returns what was observable, which must not depend on the chunks. */
async function run(tested: Tested, chunks: readonly Buffer[]): Promise<string> {
  const socket = new Replay(chunks);
  const received: Recorder[] = [];
  const events: string[] = [];
  const queueLimit = new MemoryLimit(2 ** 28);
  const owner = {
    onReady: () => void events.push("ready"),
    onGoaway: () => void events.push("goaway"),
    onEnd: () => void events.push("end"),
    onClose: () => void events.push("close"),
  };
  const recorder = (): Recorder => {
    const added = new Recorder();
    received.push(added);
    return added;
  };
  let connection: ServerConnection | ClientConnection;
  if (tested === "server")
    connection = new ServerConnection(
      socket,
      {
        ...owner,
        onStream(stream) {
          const added = recorder();
          added.respond = () => respond(stream);
          return added;
        },
      },
      { queueLimit, maxConcurrentStreams: 20 },
    );
  else {
    const client = new ClientConnection(socket, owner);
    connection = client;
    for (let n = 0; n < clientCalls; n++) {
      const body = n % 2 ? undefined : Buffer.alloc(100);
      const stream = client.request(request, undefined, body, recorder());
      if (!body) stream.write(Buffer.alloc(10));
    }
  }
  const end = new Promise<void>((resolve) => {
    if (socket.readableEnded) resolve();
    socket.once("end", resolve);
    socket.once("close", resolve);
  });
  await within(20_000, end, "the input");
  await new Promise((resolve) => setImmediate(resolve));
  connection.destroy();
  await until(() => events.includes("close"), "the end of the connection");
  assert.ok(connection.isEnded);
  for (const { closes } of received) assert.equal(closes, 1, "each stream ends once");
  assert.deepEqual(events.slice(-2), ["end", "close"]);
  assert.ok(queueLimit.add(queueLimit.limitBytes), "no content is left in queues");
  const frames = new h2.FrameReader(tested).push(Buffer.concat(socket.sent));
  const goaway = frames.find((f) => f.type === h2.frameType.goaway)?.payload.readUInt32BE(4);
  return JSON.stringify({ goaway, events, received: received.map(({ log }) => log) });
}

/** Records what both sides send in real calls: small and large, with trailers, resets, and settings. */
async function recordTraffic(): Promise<Readonly<Record<Tested, Buffer>>> {
  const [left, right] = duplexPair();
  const bytes: Record<Tested, Buffer[]> = { client: [], server: [] };
  const ignore = { onReady: () => undefined, onEnd: () => undefined, onClose: () => undefined };
  const server = new ServerConnection(right, {
    ...ignore,
    onStream(stream) {
      const received = new Recorder();
      received.respond = () => respond(stream);
      return received;
    },
  });
  const client = new ClientConnection(left, { ...ignore, onGoaway: () => undefined });
  right.on("data", (chunk: Buffer) => bytes.server.push(chunk));
  left.on("data", (chunk: Buffer) => bytes.client.push(chunk));
  for (let n = 0; n < clientCalls + 2; n++) {
    const received = new Recorder();
    const body = n % 2 ? undefined : Buffer.alloc(n * 400);
    const stream = client.request(request, { "grpc-timeout": `${n}S` }, body, received);
    if (!body) {
      stream.write(Buffer.alloc(50));
      stream.end(new RepeatedHeaders({ "x-trailer": "t" }));
    }
    await until(() => received.closes > 0, "the response");
  }
  client.ping(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.destroy();
  server.destroy();
  return { client: Buffer.concat(bytes.client), server: Buffer.concat(bytes.server) };
}

function mutate(random: SeededRandom, recording: Buffer): Buffer {
  let bytes = Buffer.from(recording);
  for (let changes = random.size(12); changes > 0; changes--) {
    const at = random.below(bytes.length);
    const length = random.size(60);
    const part = bytes.subarray(at, at + length);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + length)];
    switch (random.below(5)) {
      case 0:
        bytes = Buffer.concat([before, after, Buffer.alloc(1)]);
        break;
      case 1:
        bytes = Buffer.concat([before, part, part, after]);
        break;
      case 2:
        bytes = Buffer.concat([before, random.bytes(random.size(20)), part, after]);
        break;
      default:
        bytes[at] = random.of(0, 1, 0x7f, 0x80, 0xff, random.below(256));
    }
  }
  return bytes;
}

function randomFrames(random: SeededRandom, tested: Tested): Buffer {
  const parts: Buffer[] = tested === "server" ? [h2.preface] : [];
  if (random.below(20) > 0) parts.push(h2.settings({ 4: random.of(0, 10, 65_535, 2 ** 20) }));
  let lastId = -1;
  const id = () => {
    if (random.below(20) === 0) return random.below(12);
    if (random.below(3) === 0 && tested === "server") {
      lastId += 2;
      return lastId;
    }
    return 1 + 2 * random.below(tested === "server" ? Math.max(1, (lastId + 1) / 2) : clientCalls);
  };
  const block = (): Buffer => {
    const first = tested === "server" ? requestFields : { ":status": random.of("200", "100", "404", "x") };
    switch (random.below(6)) {
      case 0:
        return random.bytes(random.size(60));
      case 1:
        return h2.headerBlock({ "grpc-status": "0" });
      case 2:
        return h2.headerBlock({ ...first, "content-length": random.of("0", "5", "x", "99") });
      case 3:
        return Buffer.concat([h2.headerBlock(first), Buffer.from([0x40, 1, 97, 1, 98, 0xbe, 0x20])]);
      default:
        return h2.headerBlock(first as Record<string, string>);
    }
  };
  for (let n = random.size(60); n > 0; n--) {
    const flags = random.of(0, 0, 1, 4, 5, 8, random.below(256));
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
        parts.push(h2.frame(1, random.of(4, 5, 5, flags), id(), block()));
        break;
      case 3:
      case 4:
        parts.push(h2.frame(0, random.of(0, 1, flags), id(), Buffer.alloc(random.size(16_384), 2)));
        break;
      case 5: {
        const whole = block();
        const at = random.below(whole.length + 1);
        const stream = id();
        parts.push(h2.frame(1, random.below(2), stream, whole.subarray(0, at)));
        parts.push(h2.frame(9, 4, random.below(9) ? stream : id(), whole.subarray(at)));
        break;
      }
      case 6:
        parts.push(h2.rstStream(id(), random.below(16)));
        break;
      case 7:
        parts.push(
          h2.settings({ [random.below(8)]: random.of(0, 1, 4_096, 16_384, 2 ** 31 - 1, 2 ** 32 - 1) }),
        );
        break;
      case 8:
        parts.push(h2.windowUpdate(random.below(2) ? id() : 0, random.of(0, 1, 1_000, 2 ** 20, 2 ** 31 - 1)));
        break;
      case 9:
        parts.push(h2.frame(6, flags & 1, 0, Buffer.alloc(8)));
        break;
      case 10:
        if (random.below(4) === 0) parts.push(h2.goaway(random.below(9), 0));
        break;
      default:
        parts.push(h2.frame(random.below(12), flags, random.below(2) * id(), random.bytes(random.size(30))));
    }
  }
  return Buffer.concat(parts);
}

function split(random: SeededRandom, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  const limit = random.of(1, 10, 100, 10_000);
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + random.below(limit);
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** Runs connections of both roles on invalid input, and checks that all ends well, however the input is split. */
export async function fuzzHttp2(t: TestContext, rounds: number): Promise<void> {
  const random = new SeededRandom();
  t.diagnostic(`seed ${random.seed}`);
  const recordings = await recordTraffic();
  let accepted = 0;
  for (let round = 0; round < rounds; round++)
    for (const tested of ["client", "server"] as const) {
      const bytes = random.below(2) === 0 ? mutate(random, recordings[tested]) : randomFrames(random, tested);
      const what = `round ${round}, ${tested}`;
      try {
        const whole = await run(tested, [bytes]);
        assert.equal(await run(tested, split(random, bytes)), whole, "it depends on the chunks");
        if (!whole.includes('goaway":')) accepted++;
      } catch (error) {
        throw new Error(`${what}: ${String(error)}\n${bytes.toString("hex").slice(0, 4_000)}`, {
          cause: error,
        });
      }
    }
  t.diagnostic(`${accepted} of ${2 * rounds} inputs without GOAWAY`);
}

/** Sends real traffic byte by byte, and in two chunks that are split at up to `positions` places. */
export async function splitHttp2(positions: number): Promise<void> {
  const recordings = await recordTraffic();
  for (const tested of ["client", "server"] as const) {
    const bytes = recordings[tested];
    const whole = await run(tested, [bytes]);
    assert.equal(
      await run(
        tested,
        Array.from(bytes, (byte) => Buffer.from([byte])),
      ),
      whole,
      "byte by byte",
    );
    const step = Math.max(1, Math.ceil(bytes.length / positions));
    for (let at = 1; at < bytes.length; at += step)
      assert.equal(await run(tested, [bytes.subarray(0, at), bytes.subarray(at)]), whole, `split at ${at}`);
  }
}
