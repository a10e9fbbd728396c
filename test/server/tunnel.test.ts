import assert from "node:assert/strict";
import { test } from "node:test";
import { SpdyConnection } from "../../src/streaming/index.js";
import { serve } from "../support/streaming-server.js";
import { until } from "../support/waiting.js";
import { tunnel } from "../support/ws-tunnel.js";

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
