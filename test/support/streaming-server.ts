import assert from "node:assert/strict";
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import type { Duplex, Readable, Writable } from "node:stream";
import type { TestContext } from "node:test";
import {
  createStreamingServer,
  type StreamingHandlers,
  type StreamingServer,
  type StreamingServerOptions,
} from "../../src/server/index.js";
import type { StreamingTransport } from "../../src/streaming/index.js";
import { cleanup } from "./cleanup.js";
import { duplexPair } from "./duplex-pair.js";
import { checkLeaks } from "./leaks.js";
import { within } from "./waiting.js";

/** The connection between client and server: a TCP socket, or a pair of streams in memory without a port. */
export type Way = "tcp" | "memory";

export const transports: readonly StreamingTransport[] = ["spdy", "websocket"];
export const ways: readonly Way[] = ["tcp", "memory"];

export interface Served {
  readonly server: StreamingServer;
  /** Options with which a client connects to the server. */
  readonly reach: { readonly dial?: () => Duplex };
}

/** Starts a server that is closed after the test. The test fails if a session or handle remains. */
export async function serve(
  t: TestContext,
  handlers: StreamingHandlers,
  { way = "tcp", ...options }: StreamingServerOptions & { readonly way?: Way } = {},
): Promise<Served> {
  checkLeaks(t);
  const server = await createStreamingServer(handlers, { listen: way === "tcp", ...options });
  cleanup(t, async () => {
    await within(5_000, server.close(), "the server's close()");
    assert.equal(server.sessions, 0);
  });
  const dial = () => {
    const [ours, theirs] = duplexPair();
    server.handleConnection(theirs);
    return ours;
  };
  return { server, reach: way === "memory" ? { dial } : {} };
}

/** Reads a stream to its end, as UTF-8. */
export async function textOf(stream: Readable | undefined, ms = 10_000): Promise<string> {
  if (!stream) return "";
  let text = "";
  stream.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await within(ms, once(stream, "end"), "the end of the output");
  return text;
}

/** Reads a stream to its end; returns the number of bytes and their SHA-256. */
export async function digestOf(stream: Readable, ms = 60_000): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  stream.on("data", (part: Buffer) => {
    bytes += part.byteLength;
    hash.update(part);
  });
  await within(ms, once(stream, "end"), "the end of the bytes");
  return { bytes, sha256: hash.digest("hex") };
}

/** Writes distinct pieces at the reader's pace, and returns the SHA-256 of all. Does not end the stream. */
export async function writeBytes(stream: Writable, totalBytes: number, pieceBytes = 32_768): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < totalBytes; at += pieceBytes) {
    const piece = pieceAt(at, Math.min(pieceBytes, totalBytes - at), hash);
    if (!stream.write(piece)) await drained(stream);
  }
  return hash.digest("hex");
}

function pieceAt(at: number, length: number, hash: Hash): Buffer {
  const piece = Buffer.alloc(length, at & 0xff);
  if (length >= 8) piece.writeBigUInt64BE(BigInt(at));
  hash.update(piece);
  return piece;
}

/** Waits until a stream accepts more; rejects if it closes before. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      stream.removeListener("drain", onDrain);
      stream.removeListener("close", onClose);
      act();
    };
    const onDrain = settle(resolve);
    const onClose = settle(() => reject(stream.errored ?? new Error("closed before it was drained")));
    stream.once("drain", onDrain);
    stream.once("close", onClose);
  });
}

/** Resolves with the reason of a signal when it aborts. */
export function fired(signal: AbortSignal, ms = 5_000): Promise<unknown> {
  const reason = signal.aborted
    ? Promise.resolve(signal.reason)
    : once(signal, "abort").then(() => signal.reason as unknown);
  return within(ms, reason, "the signal");
}
