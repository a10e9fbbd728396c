import { once } from "node:events";
import { createServer } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { RuntimeService } from "cri-sdk/v1";
import { list, version } from "./handlers.js";

/** Connect's adapter on node:http2. */
export async function serveConnectNode(path: string): Promise<void> {
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(RuntimeService, { version: () => version, listContainers: () => list }),
  });
  const server = createServer(handler).listen(path);
  await once(server, "listening");
}
