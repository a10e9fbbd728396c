// Serves ports of the current network namespace. Prints "ready" when it is listening; exits when its stdin ends.
import { createHash } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";

const sinkBytes = 16 * 2 ** 20;
const block = Buffer.from("forwarded\n".repeat(8_192));

/** Sends a number of bytes with back-pressure, then ends the stream. */
function sendBytes(socket, bytes) {
  let remaining = bytes;
  const more = () => {
    while (remaining > 0) {
      const part = block.subarray(0, remaining);
      remaining -= part.byteLength;
      if (!socket.write(part)) return socket.once("drain", more);
    }
    socket.end();
  };
  more();
}

const services = {
  7001: (socket) => socket.pipe(socket),
  7002: (socket) => sendBytes(socket, 100 * 2 ** 20),
  7003(socket) {
    const hash = createHash("sha256");
    let bytes = 0;
    socket.on("data", (part) => {
      hash.update(part);
      bytes += part.byteLength;
      if (bytes === sinkBytes) socket.end(`${hash.digest("hex")}\n`);
    });
  },
  7004: (socket) =>
    socket.once("data", (line) => setTimeout(() => socket.end(`late reply to ${line}`), 1_500)),
  7005: (socket) => sendBytes(socket, Number.POSITIVE_INFINITY),
};

const listening = Object.entries(services).map(([port, serve]) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    serve(socket);
  });
  return new Promise((resolve) =>
    server.listen({ port: Number(port), host: "127.0.0.1", backlog: 511 }, resolve),
  );
});
const http = createHttpServer(async (request, response) => {
  if (request.url === "/page") response.end("a page\n");
  else if (request.url === "/echo") {
    response.writeHead(201, { "x-method": request.method, "x-type": request.headers["content-type"] ?? "" });
    request.pipe(response);
  } else if (request.url === "/never") request.resume();
  else response.writeHead(404).end("not found\n");
});
listening.push(new Promise((resolve) => http.listen({ port: 8080, host: "127.0.0.1" }, resolve)));
await Promise.all(listening);
console.log("ready");
process.stdin.resume().once("end", () => process.exit());
