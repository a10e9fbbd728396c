import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocketServer } from "ws";
import {
  type PortForward,
  type PortForwardOptions,
  portForward,
  resetStatus,
  SpdyConnection,
  type SpdyStream,
} from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { textOf } from "../support/streaming-server.js";
import { until, within } from "../support/waiting.js";

/** The behavior of a server once both streams of a connection are open. */
type Script = (data: SpdyStream, error: SpdyStream, connection: SpdyConnection) => void;

const beginning = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\npart one of two";

async function served(t: TestContext, onUpgrade: (server: ReturnType<typeof createServer>) => void) {
  const server = createServer();
  onUpgrade(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(t, () => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/portforward/token`;
}

async function bySpdy(t: TestContext, script: Script, options: PortForwardOptions): Promise<PortForward> {
  const url = await served(t, (server) =>
    server.on("upgrade", (_request, socket, head) => {
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n" +
          "X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n",
      );
      let first: SpdyStream | undefined;
      const connection = new SpdyConnection(socket, {
        role: "server",
        head,
        onStream(stream) {
          stream.reply();
          // The client opens the error stream first.
          const error = first;
          first = error ? undefined : stream;
          if (error) script(stream, error, connection);
        },
      });
      cleanup(t, () => connection.destroy());
    }),
  );
  const forward = portForward(() => url, options);
  cleanup(t, () => within(30_000, forward.close(), "the forward's close()"));
  return forward;
}

const write = (stream: SpdyStream, text: string) => stream.write(Buffer.from(text), () => undefined);

/** Ways in which a server ends a connection before the port has ended it. */
const cuts: Readonly<Record<string, Script>> = {
  "both streams reset": (data, error) => {
    data.reset(resetStatus.cancel);
    error.reset(resetStatus.cancel);
  },
  "both streams reset, and GOAWAY": (data, error, connection) => {
    data.reset(resetStatus.cancel);
    error.reset(resetStatus.cancel);
    connection.goaway();
    connection.hangUp();
  },
  "only the data reset, and GOAWAY": (data, _error, connection) => {
    data.reset(resetStatus.cancel);
    connection.goaway();
  },
  GOAWAY: (_data, _error, connection) => {
    connection.goaway();
    connection.hangUp();
  },
};

for (const mode of ["isolated", "pooled"] as const)
  for (const halfClose of [false, true])
    for (const [name, cut] of Object.entries(cuts))
      test(`${mode}${halfClose ? ", halfClose" : ""}: ${name} before the port's end is an error`, async (t) => {
        const script: Script = (data, error, connection) => {
          write(data, beginning);
          cut(data, error, connection);
        };
        const forward = await bySpdy(t, script, { mode, halfClose, transport: "spdy" });
        const answer = forward.fetch(80, "/").then((answer) => answer.text());
        assert.equal((await failure(within(5_000, answer))).reason, "connection_lost");

        // On a stream, the data that arrived before is delivered first.
        const connection = await forward.connect(80);
        let text = "";
        const reading = (async () => {
          for await (const part of connection) text += part;
        })();
        assert.equal((await failure(within(5_000, reading))).reason, "connection_lost");
        assert.equal(text, beginning);
      });

const bodies: Readonly<Record<string, string>> = {
  "no length": "connection: close\r\n\r\npart one of two",
  "no length, HTTP/1.1 without a connection header": "\r\npart one of two",
  "a longer content-length": "content-length: 100\r\n\r\npart one of two",
  "an incomplete chunk": "transfer-encoding: chunked\r\n\r\n64\r\npart one of two",
  "chunks without the last one": "transfer-encoding: chunked\r\n\r\nf\r\npart one of two\r\n",
};

for (const [name, rest] of Object.entries(bodies))
  for (const when of ["at once", "later"] as const)
    test(`${name}, cut off ${when}: fetch and a request with the agent fail`, async (t) => {
      const script: Script = (data, error, connection) => {
        write(data, `HTTP/1.1 200 OK\r\n${rest}`);
        if (when === "at once") cuts["both streams reset"]?.(data, error, connection);
        else setTimeout(() => cuts["both streams reset"]?.(data, error, connection), 100);
      };
      const forward = await bySpdy(t, script, { transport: "spdy" });
      const answer = forward.fetch(80, "/").then((answer) => answer.text());
      assert.equal((await failure(within(5_000, answer))).reason, "connection_lost");

      const requested = new Promise((resolve, reject) => {
        get({ agent: forward.agent, host: "pod", port: 80 }, (response) =>
          response
            .once("error", reject)
            .once("close", () => setImmediate(resolve))
            .resume(),
        ).once("error", reject);
      });
      await assert.rejects(within(5_000, requested), "the request or its response has an error");
    });

for (const [name, rest] of Object.entries({
  "no length": "connection: close\r\n\r\npart one of two",
  "a content-length": "content-length: 15\r\n\r\npart one of two",
  "complete chunks": "transfer-encoding: chunked\r\n\r\nf\r\npart one of two\r\n0\r\n\r\n",
}))
  test(`${name}, ended by the port: fetch returns the whole body`, async (t) => {
    const script: Script = (data, error) => {
      write(data, `HTTP/1.1 200 OK\r\n${rest}`);
      data.end();
      error.end();
    };
    const forward = await bySpdy(t, script, { transport: "spdy" });
    const text = forward.fetch(80, "/").then((answer) => answer.text());
    assert.equal(await within(5_000, text), "part one of two");
  });

test("canceling the body of a response closes its connection", async (t) => {
  let isReset = false;
  const script: Script = (data, _error, connection) => {
    write(data, beginning);
    data.setSink({
      onData: () => true,
      onEnd() {
        isReset = true;
      },
    });
    cleanup(t, () => connection.destroy());
  };
  const forward = await bySpdy(t, script, { transport: "spdy" });
  const { body } = await forward.fetch(80, "/");
  const reader = body?.getReader();
  await reader?.read();
  await within(5_000, Promise.resolve(reader?.cancel()), "cancel()");
  await until(() => isReset, "the end of the connection");
});

test("websocket: a body without a length that is cut off is an error", async (t) => {
  const url = await served(t, (server) => {
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "v4.channel.k8s.io" });
    server.on("upgrade", (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        for (const channel of [0, 1]) webSocket.send(Buffer.from([channel, 80, 0]));
        webSocket.send(Buffer.concat([Buffer.from([0]), Buffer.from(beginning)]));
        setTimeout(() => webSocket.terminate(), 100);
      }),
    );
  });
  const forward = portForward(() => url, { transport: "websocket" });
  cleanup(t, () => within(30_000, forward.close(), "the forward's close()"));
  const text = forward.fetch(80, "/").then((answer) => answer.text());
  assert.equal((await failure(within(5_000, text))).reason, "connection_lost");
});

test("the runtime's own error takes precedence over its reset", async (t) => {
  const script: Script = (data, error) => {
    data.reset(resetStatus.cancel);
    write(error, "error forwarding port 80: connect: connection refused");
    error.end();
  };
  const forward = await bySpdy(t, script, { transport: "spdy" });
  const error = await failure(
    within(
      5_000,
      forward.fetch(80, "/").then((answer) => answer.text()),
    ),
  );
  assert.equal(error.reason, "port_refused");
});

test("the end of the session after the port's end is a normal end", async (t) => {
  const script: Script = (data, error, connection) => {
    write(data, beginning);
    data.end();
    error.reset(resetStatus.cancel);
    connection.goaway();
    connection.hangUp();
  };
  const forward = await bySpdy(t, script, { transport: "spdy" });
  const answer = await forward.fetch(80, "/");
  assert.equal(await within(5_000, answer.text()), "part one of two");
});

test("websocket: a write after the port's close does not lose the reply", async (t) => {
  let over = false;
  const url = await served(t, (server) => {
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "v4.channel.k8s.io" });
    server.on("upgrade", (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.once("close", () => {
          over = true;
        });
        for (const channel of [0, 1]) webSocket.send(Buffer.from([channel, 80, 0]));
        webSocket.send(Buffer.concat([Buffer.from([0]), Buffer.alloc(30_000, 65)]));
        webSocket.close(1000);
      }),
    );
  });
  const forward = portForward(() => url, { transport: "websocket" });
  cleanup(t, () => within(30_000, forward.close(), "the forward's close()"));
  const connection = await forward.connect(80);
  await until(() => over, "the server's end of the WebSocket");
  await pause(50);
  const written = new Promise<unknown>((resolve) => connection.write("more", resolve));
  assert.ok(!(await within(2_000, written, "the write")), "the write succeeds and its bytes are dropped");
  assert.equal((await textOf(connection)).length, 30_000);
});
