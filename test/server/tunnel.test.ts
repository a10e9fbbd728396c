import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { SpdyConnection } from "../../src/streaming/index.js";
import { serve } from "../support/streaming-server.js";
import { until } from "../support/waiting.js";
import { ask } from "./raw.js";
import { clientMessage, ServerFrames } from "./ws-frames.js";

const protocol = "SPDY/3.1+portforward.k8s.io";

/** Opens a byte stream over a WebSocket: each write is one message. Written by hand, since ws rejects the protocol's name. */
async function tunnel(
  t: TestContext,
  url: string,
): Promise<{ readonly bytes: Duplex; readonly closes: number[] }> {
  const got = await ask(
    t,
    url,
    {
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

test("SPDY tunneled through a WebSocket behaves as SPDY on its own connection", async (t) => {
  const { server } = await serve(t, {
    async portForward({ connection, port }) {
      for await (const part of connection.iterator({ destroyOnReturn: false })) connection.write(part);
      if (port === 81) throw new Error("gone");
    },
  });
  const { bytes, closes } = await tunnel(t, server.portForward({ podSandboxId: "p" }).url);
  const connection = new SpdyConnection(bytes, { role: "client" });
  const open = (port: string) => {
    const seen = { text: "", error: "", ends: 0 };
    for (const streamtype of ["error", "data"] as const) {
      const stream = connection.open({ streamtype, port, requestid: port });
      stream.setSink({
        onData(part) {
          if (streamtype === "data") seen.text += part;
          else seen.error += part;
          return true;
        },
        onEnd: () => {
          seen.ends++;
        },
      });
      if (streamtype === "data") stream.write(Buffer.alloc(200_000, port), () => stream.end());
      else stream.end();
    }
    return seen;
  };
  const [good, bad] = [open("80"), open("81")];
  await until(() => good.ends === 2 && bad.ends === 2, "both connections");
  assert.equal(good.text, "80".repeat(100_000));
  assert.deepEqual([good.error, bad.error], ["", "error forwarding port 81 to pod p: gone"]);
  connection.goaway();
  await until(() => closes.length === 1, "the server's close frame");
  assert.deepEqual(closes, [1_000]);
});
