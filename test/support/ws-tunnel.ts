import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { ask } from "./raw-streaming.js";
import { clientMessage, ServerFrames } from "./ws-frames.js";

const protocol = "SPDY/3.1+portforward.k8s.io";

/** Opens a byte stream over a WebSocket: each write is one message. Written by hand, since ws rejects the protocol's name. */
export async function tunnel(
  t: TestContext,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly bytes: Duplex; readonly closes: number[] }> {
  const got = await ask(
    t,
    url,
    {
      ...headers,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-protocol": `other, ${protocol}`,
    },
    "GET",
  );
  if (!("response" in got)) throw new Error(`refused: ${got.status} ${got.body}`);
  assert.equal(got.response.headers["sec-websocket-protocol"], protocol);
  const { socket } = got;
  const closes: number[] = [];
  const bytes: Duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      // Splits the bytes at arbitrary places, with an empty message: message boundaries have no meaning.
      for (const part of [chunk.subarray(0, 3), Buffer.alloc(0), ...pieces(chunk.subarray(3))])
        socket.write(clientMessage(part));
      done();
    },
  });
  const frames = new ServerFrames();
  socket.on("data", (chunk: Buffer) => {
    for (const { opcode, payload } of frames.push(chunk))
      if (opcode === 2) bytes.push(payload);
      else if (opcode === 8) closes.push(payload.readUInt16BE());
  });
  socket.on("end", () => bytes.push(null));
  return { bytes, closes };
}

function pieces(chunk: Buffer, bytes = 10_000): Buffer[] {
  const count = Math.ceil(chunk.byteLength / bytes);
  return Array.from({ length: count }, (_, at) => chunk.subarray(at * bytes, (at + 1) * bytes));
}
