import assert from "node:assert/strict";
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import type { Duplex, Readable, Writable } from "node:stream";
import type { TestContext } from "node:test";
import { type CriError, isCriError } from "../../src/core/index.js";
import {
  createStreamingServer,
  type StreamingHandlers,
  type StreamingServer,
  type StreamingServerOptions,
} from "../../src/server/index.js";
import type { StreamingTransport } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { duplexPair } from "../support/duplex-pair.js";
import { checkLeaks } from "../support/leaks.js";
import { within } from "../support/waiting.js";

/** How a client reaches the server: by a socket, or by a pair in memory with no port at all. */
export type Way = "tcp" | "memory";

export const transports: readonly StreamingTransport[] = ["spdy", "websocket"];
export const ways: readonly Way[] = ["tcp", "memory"];

export interface Served {
  readonly server: StreamingServer;
  /** What a client's options need so that it reaches the server. */
  readonly reach: { readonly dial?: () => Duplex };
}

/** A server that is closed after the test, which fails if anything is left of it. */
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

/** All that comes, as text. */
export async function textOf(stream: Readable | undefined, ms = 10_000): Promise<string> {
  if (!stream) return "";
  let text = "";
  stream.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await within(ms, once(stream, "end"), "the end of the output");
  return text;
}

/** How many bytes came, and their SHA-256. */
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

/** Writes bytes that repeat nowhere near, at the reader's pace; gives their SHA-256. Does not end the stream. */
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

/** Waits until a stream takes more; fails when it never will. */
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

/** The typed error that something fails with. */
export async function failureOf(work: Promise<unknown>, ms = 10_000): Promise<CriError> {
  const error = await within(ms, work, "the failure").then(
    () => assert.fail("it did not fail"),
    (thrown: unknown) => thrown,
  );
  assert.ok(isCriError(error), `no CriError: ${error}`);
  return error;
}

/** Resolves when a signal fires, with its reason. */
export function fired(signal: AbortSignal, ms = 5_000): Promise<unknown> {
  const reason = signal.aborted
    ? Promise.resolve(signal.reason)
    : once(signal, "abort").then(() => signal.reason as unknown);
  return within(ms, reason, "the signal");
}
