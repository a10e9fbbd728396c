// Runs one server. Arguments: its name, the socket and the folder of the messages. Each message is a ServerOrder.
import { answerOrders } from "../answer-orders.js";
import { serveConnectNode } from "./connect-node.js";
import { serveCriSdk } from "./cri-sdk.js";
import { serveGrpcJs } from "./grpc-js.js";
import { readMessages } from "./messages.js";
import type { ServerName, StartServer } from "./names.js";
import type { ServerOrder } from "./orders.js";
import { broadcast, waitForSubscribers } from "./subscribers.js";

const servers: Readonly<Record<ServerName, StartServer>> = {
  "cri-sdk": serveCriSdk,
  "connect-node": serveConnectNode,
  "grpc-js": serveGrpcJs,
};

const [, , name = "", path = "", folder = ""] = process.argv;
await servers[name as ServerName](path, readMessages(folder));
answerOrders(answer);

async function answer(order: ServerOrder): Promise<number> {
  switch (order.do) {
    case "cpu":
      break;
    case "rest":
      // Several times, since objects with finalizers survive the first.
      for (let time = 0; time < 3; time++) {
        globalThis.gc?.();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      break;
    case "subscribed":
      await waitForSubscribers(order.count);
      break;
    case "broadcast":
      broadcast(order.count);
      break;
  }
  const { user, system } = process.cpuUsage();
  return user + system;
}
