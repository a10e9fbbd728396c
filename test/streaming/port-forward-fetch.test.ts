import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { hostHandlers } from "../../scripts/interop/host-handlers.js";
import { portForward } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { serve } from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

interface Echo {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

test("a body of known length is sent with its content-length, as the global fetch does", async (t) => {
  const { server } = await serve(t, hostHandlers(["cat"]));
  const web = createServer(async (request, response) => {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    response.end(JSON.stringify({ headers: request.headers, body }));
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  cleanup(t, () => web.close());
  const { port } = web.address() as AddressInfo;
  const forward = portForward((port) => server.portForward({ podSandboxId: "p", port: [port] }).url);
  cleanup(t, () => within(30_000, forward.close(), "the forward's close()"));
  const send = async (init: RequestInit): Promise<Echo> => {
    const answer = await within(5_000, forward.fetch(port, "/", { method: "POST", ...init }));
    return (await answer.json()) as Echo;
  };

  const text = "größer";
  const bytes = new TextEncoder().encode(text);
  const bodies: [string, RequestInit["body"], string][] = [
    ["a string", text, text],
    ["an empty string", "", ""],
    ["a large string", "x".repeat(300_000), "x".repeat(300_000)],
    ["bytes", bytes, text],
    ["a part of a buffer", new DataView(bytes.buffer, 0, 2), "gr"],
    ["a buffer", bytes.buffer, text],
    ["parameters", new URLSearchParams({ a: "ü 1" }), "a=%C3%BC+1"],
    ["a blob", new Blob([text, "!"], { type: "text/test" }), `${text}!`],
  ];
  for (const [name, body, expected] of bodies) {
    const direct = (await (
      await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: body ?? null })
    ).json()) as Echo;
    const seen = await send({ body: body ?? null });
    assert.equal(seen.body, expected, name);
    for (const header of ["content-length", "transfer-encoding", "content-type"])
      assert.equal(seen.headers[header], direct.headers[header], `${header} of ${name}`);
  }

  const stream = await send({ body: new Blob([text]).stream() });
  assert.equal(stream.body, text);
  assert.equal(stream.headers["transfer-encoding"], "chunked");
  assert.equal(stream.headers["content-length"], undefined);
  const nothing = await send({});
  assert.deepEqual([nothing.body, nothing.headers["content-length"]], ["", "0"]);
});
