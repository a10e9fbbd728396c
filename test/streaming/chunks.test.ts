// The chunks in which bytes are read and sent: a chunk has a cost of its own, whatever its size.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { exec, type SessionOptions, SpdyConnection, type SpdyStream } from "../../src/streaming/index.js";
import { encodeDataHeader, encodeFin, encodeGoaway } from "../../src/streaming/spdy/frames.js";
import { cleanup } from "../support/cleanup.js";
import { SeededRandom } from "../support/random.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

/** The server's end of a session. */
interface Peer {
  readonly socket: Duplex;
  readonly streams: ReadonlyMap<string, SpdyStream>;
  /** The sizes of the parts of the input. The last one is 0: its end. */
  readonly input: number[];
}

/** Opens a session with a server that replies to its streams and reads the input. */
async function open(t: TestContext, options: SessionOptions) {
  const streams = new Map<string, SpdyStream>();
  const input: number[] = [];
  const sockets: Duplex[] = [];
  const server = createServer();
  server.on("upgrade", (_request, socket, head) => {
    sockets.push(socket);
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n",
    );
    const onStream = (stream: SpdyStream) => {
      streams.set(stream.headers.streamtype ?? "", stream);
      stream.setSink({
        onData: (part) => input.push(part.byteLength) > 0,
        onEnd: (end) => end === "fin" && input.push(0),
      });
      stream.reply();
    };
    new SpdyConnection(socket, { role: "server", head, onStream });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(t, () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const session = await exec(`http://127.0.0.1:${(server.address() as AddressInfo).port}/exec/x`, options);
  cleanup(t, () => session.close());
  const [socket] = sockets;
  assert.ok(socket);
  const count = 1 + [options.stdin === true, options.stderr !== false, true].filter(Boolean).length;
  await until(() => streams.size === count, "the streams");
  const peer: Peer = { socket, streams, input };
  return { session, peer };
}

function idOf({ streams }: Peer, name: string): number {
  const stream = streams.get(name);
  assert.ok(stream, name);
  return stream.id;
}

function frame(streamId: number, payload: Uint8Array): Buffer {
  return Buffer.concat([encodeDataHeader(streamId, payload.byteLength, false), payload]);
}

/** The frames that end a session whose command has exited with 0. */
function ending(peer: Peer): Buffer {
  const outputs = ["stdout", "stderr"].filter((name) => peer.streams.has(name));
  const error = idOf(peer, "error");
  return Buffer.concat([
    ...outputs.map((name) => encodeFin(idOf(peer, name))),
    frame(error, Buffer.from('{"status":"Success"}')),
    encodeFin(error),
    encodeGoaway(error, 0),
  ]);
}

test("the frames of one read are one chunk of output", async (t) => {
  const { session, peer } = await open(t, { stderr: false });
  const frames = 1_000;
  const stdout = idOf(peer, "stdout");
  peer.socket.write(
    Buffer.concat([...Array(frames).fill(frame(stdout, Buffer.alloc(1_000, "x"))), ending(peer)]),
  );
  const chunks: Buffer[] = [];
  assert.ok(session.stdout);
  for await (const chunk of session.stdout) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), "x".repeat(frames * 1_000));
  assert.ok(chunks.length < frames / 10, `${chunks.length} chunks of ${frames} frames`);
  assert.equal((await session.ended).exitCode, 0);
});

test("outputs that are kept do not change, however frames and reads are cut", async (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const { session, peer } = await open(t, {});
  const received = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const sent = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const frames: Buffer[] = [];
  for (const name of ["stdout", "stderr"] as const)
    session[name]?.on("data", (chunk: Buffer) => received[name].push(chunk));
  for (let index = 0; index < 200; index++) {
    const name = random.next() < 0.7 ? "stdout" : "stderr";
    const payload = Buffer.alloc(random.below(3_000), index);
    sent[name].push(payload);
    frames.push(frame(idOf(peer, name), payload));
  }
  const bytes = Buffer.concat([...frames, ending(peer)]);
  for (let at = 0; at < bytes.byteLength; ) {
    const end = at + 1 + random.below(random.next() < 0.3 ? 12 : 9_000);
    peer.socket.write(bytes.subarray(at, end));
    if (random.next() < 0.5) await new Promise(setImmediate);
    at = end;
  }
  assert.equal((await within(10_000, session.ended)).exitCode, 0);
  for (const name of ["stdout", "stderr"] as const) {
    const output = session[name];
    if (output && !output.readableEnded) await within(5_000, once(output, "end"));
    assert.ok(Buffer.concat(received[name]).equals(Buffer.concat(sent[name])), name);
  }
});

test("an output that is not read holds its limit and one read, and nothing is lost", async (t) => {
  const { session, peer } = await open(t, { stderr: false });
  const payload = Buffer.alloc(32_768, "y");
  const frames = 512;
  peer.socket.write(
    Buffer.concat([...Array(frames).fill(frame(idOf(peer, "stdout"), payload)), ending(peer)]),
  );
  const { stdout } = session;
  assert.ok(stdout);
  await until(() => stdout.readableLength >= stdout.readableHighWaterMark, "a full output");
  await pause(100);
  assert.ok(stdout.readableLength <= stdout.readableHighWaterMark + 131_072, `${stdout.readableLength}`);
  const hash = createHash("sha256");
  for await (const chunk of stdout) hash.update(chunk);
  const expected = createHash("sha256");
  for (let index = 0; index < frames; index++) expected.update(payload);
  assert.equal(hash.digest("hex"), expected.digest("hex"));
  assert.equal((await session.ended).exitCode, 0);
});

test("small writes that wait are sent together", async (t) => {
  const { session, peer } = await open(t, { stdin: true, stderr: false });
  const writes = 10_000;
  for (let index = 0; index < writes; index++) session.stdin?.write("ten bytes.");
  session.stdin?.end();
  await until(() => peer.input.at(-1) === 0, "the end of the input");
  assert.equal(
    peer.input.reduce((sum, bytes) => sum + bytes, 0),
    10 * writes,
  );
  assert.ok(peer.input.length < writes / 10, `${peer.input.length} frames for ${writes} writes`);
  peer.socket.write(ending(peer));
  assert.equal((await session.ended).exitCode, 0);
});

test("a file that is piped in is read in few pieces; its limits hold", async (t) => {
  const path = join(await tempFolder(t), "input");
  const fileBytes = 8 * 2 ** 20;
  await writeFile(path, Buffer.alloc(fileBytes, "z"));
  for (const [range, expected] of [
    [{}, fileBytes],
    [{ start: 5, end: 3_000_004 }, 3_000_000],
    [{ start: fileBytes }, 0],
  ] as const) {
    const { session, peer } = await open(t, { stdin: true, stderr: false });
    const file = createReadStream(path, range);
    let pieces = 0;
    file.on("data", () => pieces++);
    file.pause();
    assert.ok(session.stdin);
    await within(10_000, pipeline(file, session.stdin));
    await until(() => peer.input.at(-1) === 0, "the end of the input");
    assert.equal(
      peer.input.reduce((sum, bytes) => sum + bytes, 0),
      expected,
    );
    assert.ok(pieces <= 9, `${pieces} pieces of ${expected} bytes`);
    peer.socket.write(ending(peer));
    assert.equal((await session.ended).exitCode, 0);
  }
});

test("other streams keep their own size of chunks", async (t) => {
  const { session, peer } = await open(t, { stdin: true, stderr: false });
  const source = Readable.from(["one", "two"]);
  const before = source.readableHighWaterMark;
  assert.ok(session.stdin);
  await pipeline(source, session.stdin);
  await until(() => peer.input.at(-1) === 0, "the end of the input");
  assert.equal(source.readableHighWaterMark, before);
  peer.socket.write(ending(peer));
  assert.equal((await session.ended).exitCode, 0);
});
