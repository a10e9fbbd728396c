// One server in a process of its own, with the same two handlers whichever it is. Arguments: its name, and the path of
// the socket it listens on.
import { serveConnectNode } from "./connect-node.js";
import { serveCriSdk } from "./cri-sdk.js";
import { serveGrpcJs } from "./grpc-js.js";
import type { ServerName, StartServer } from "./names.js";

const servers: Readonly<Record<ServerName, StartServer>> = {
  "cri-sdk": serveCriSdk,
  "connect-node": serveConnectNode,
  "grpc-js": serveGrpcJs,
};

const [, , name = "", path = ""] = process.argv;
await servers[name as ServerName](path);
process.on("disconnect", () => process.exit());
process.send?.("ready");
