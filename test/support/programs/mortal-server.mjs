// A small runtime to be killed, two hundred times: bare node:http2, so that it starts at once. It answers Version
// after a moment, and sends events for ever. Prints "up" once it listens.
import { rmSync } from "node:fs";
import { createServer } from "node:http2";

const path = process.argv[2];
const answer = Buffer.from([0, 0, 0, 0, 8, 0x12, 6, ...Buffer.from("mortal")]);
const event = Buffer.from([0, 0, 0, 0, 3, 0x0a, 1, 0x31]);

rmSync(path, { force: true });
const server = createServer();
server.on("stream", (stream, headers) => {
  stream.on("error", () => undefined);
  stream.resume();
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  if (headers[":path"].endsWith("/GetContainerEvents")) {
    const timer = setInterval(() => stream.write(event), 2);
    stream.on("close", () => clearInterval(timer));
  } else setTimeout(() => stream.destroyed || stream.end(answer), Math.random() * 3);
});
server.listen(path, () => process.stdout.write("up\n"));
