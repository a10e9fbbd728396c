// The streaming server of cri-sdk in its own process. It sends as many zeros as the command says, or reads its input.
import { once } from "node:events";
import { createServer } from "node:net";
import { createStreamingServer } from "cri-sdk/server";

const piece = Buffer.alloc(32_768);
const server = await createStreamingServer({
  async exec({ command, stdin, stdout }) {
    const bytes = Number(command[0]);
    for (let sent = 0; stdout && sent < bytes; sent += piece.byteLength)
      if (!stdout.write(piece)) await once(stdout, "drain");
    if (stdin) {
      stdin.resume();
      await once(stdin, "end");
    }
    return 0;
  },
});
// The same bytes on a bare socket: "d" and a number requests that many bytes, "u" announces input.
const plain = createServer({ highWaterMark: 262_144 }, async (socket) => {
  socket.on("error", () => undefined);
  const [order] = (await once(socket, "data")) as [Buffer];
  const [way, bytes] = [order.toString("latin1", 0, 1), Number(order.toString("latin1", 1, 20))];
  if (way === "d") {
    for (let sent = 0; sent < bytes; sent += piece.byteLength)
      if (!socket.write(piece)) await once(socket, "drain");
    socket.end();
    return;
  }
  socket.resume();
  socket.once("end", () => socket.end());
});
plain.listen(0, "127.0.0.1");
await once(plain, "listening");
const address = plain.address();
const port = typeof address === "object" && address ? address.port : 0;

process.on("message", () => {
  const request = { containerId: "bench", cmd: [] as string[] };
  const down = (bytes: number) => server.exec({ ...request, cmd: [String(bytes)], stdout: true }).url;
  const up = () => server.exec({ ...request, cmd: ["0"], stdin: true }).url;
  const { user, system } = process.cpuUsage();
  process.send?.({ down: down(268_435_456), up: up(), port, cpuUs: user + system });
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
