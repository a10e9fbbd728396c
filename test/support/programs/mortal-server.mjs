// A minimal runtime that a test kills and restarts. It uses only node:http2, so that it starts fast. It responds to Version
// within 3 ms and sends endless events. Prints "up" when it is listening.
import { rmSync } from "node:fs";
import { createServer } from "node:http2";

const path = process.argv[2];
const response = Buffer.from([0, 0, 0, 0, 8, 0x12, 6, ...Buffer.from("mortal")]);
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
  } else setTimeout(() => stream.destroyed || stream.end(response), Math.random() * 3);
});
server.listen(path, () => process.stdout.write("up\n"));
