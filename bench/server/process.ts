// The server that every client is measured against: a process of its own that does less work per call than any of
// them. Arguments: the path of a socket that answers every request as Version, and of one that answers ListContainers.
import { createServer } from "node:net";
import { Answer } from "./answer.js";
import { ServerConnection } from "./connection.js";
import { listAnswer, versionAnswer } from "./messages.js";

const [, , versionPath = "", listPath = ""] = process.argv;
await listen(versionPath, new Answer(versionAnswer()));
await listen(listPath, new Answer(listAnswer(1_000)));
process.on("disconnect", () => process.exit());
process.send?.("ready");

function listen(path: string, answer: Answer): Promise<void> {
  const server = createServer((socket) => new ServerConnection(socket, answer));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}
