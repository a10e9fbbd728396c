import { once } from "node:events";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import type { TransferOrder } from "./orders.js";

/**
 * The upper limit: the bytes of a streaming session on a socket, with a few pre-encoded SPDY frames. Counts the received
 * bytes without parsing them.
 */
export async function openBare(url: string, protocol: string, streams: readonly Headers[]): Promise<Duplex> {
  const { hostname, port, pathname } = new URL(url);
  const call = request({
    method: "POST",
    host: hostname,
    port,
    path: pathname,
    headers: { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": protocol },
  });
  call.end();
  const [, socket] = (await once(call, "upgrade")) as [unknown, Duplex];
  socket.on("error", () => undefined);
  socket.write(
    Buffer.concat(streams.map((headers, index) => synStream(2 * index + 1, headers, index === 0))),
  );
  return socket;
}

type Headers = readonly (readonly [name: string, value: string])[];

/** Sends DATA frames of one size, then the end of the stream. */
export async function sendBare(
  socket: Duplex,
  streamId: number,
  frameBytes: number,
  bytes: number,
): Promise<void> {
  const frame = Buffer.alloc(8 + frameBytes);
  frame.writeUInt32BE(streamId, 0);
  frame.writeUInt32BE(frameBytes, 4);
  for (let sent = 0; sent < bytes; sent += frameBytes) if (!socket.write(frame)) await once(socket, "drain");
  const fin = Buffer.alloc(8);
  fin.writeUInt32BE(streamId, 0);
  fin[4] = 1;
  socket.write(fin);
}

/** Resolves after `bytes` bytes, or when the socket closes. */
export function receiveBare(socket: Duplex, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let received = 0;
    socket.on("data", (part: Buffer) => {
      received += part.byteLength;
      if (received >= bytes) resolve();
    });
    socket.once("close", resolve);
  });
}

/** Runs a command that sends (`down`) or takes (`up`) that many bytes. */
export async function transferBare({ url, way, bytes }: TransferOrder): Promise<void> {
  const data = way === "down" ? "stdout" : "stdin";
  const socket = await openBare(url, "v4.channel.k8s.io", [
    [["streamtype", "error"]],
    [["streamtype", data]],
  ]);
  if (way === "down") await receiveBare(socket, bytes);
  else {
    // The server hangs up after its status.
    socket.resume();
    const over = once(socket, "end");
    await sendBare(socket, 3, transferFrameBytes, bytes);
    await over;
  }
  socket.destroy();
}

const transferFrameBytes = 32_768;

function synStream(streamId: number, headers: Headers, first: boolean): Buffer {
  const text = (value: string) => Buffer.concat([uint32(value.length), Buffer.from(value)]);
  const plain = Buffer.concat([
    uint32(headers.length),
    ...headers.flatMap(([name, value]) => [text(name), text(value)]),
  ]);
  const stored = Buffer.alloc(5);
  stored.writeUInt16LE(plain.byteLength, 1);
  stored.writeUInt16LE(plain.byteLength ^ 0xffff, 3);
  const zlib = first ? [Buffer.from([0x78, 0x01])] : [];
  const block = Buffer.concat([...zlib, stored, plain, Buffer.from([0, 0, 0, 0xff, 0xff])]);
  return Buffer.concat([
    Buffer.from("80030001", "hex"),
    uint32(10 + block.byteLength),
    uint32(streamId),
    Buffer.alloc(6),
    block,
  ]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
