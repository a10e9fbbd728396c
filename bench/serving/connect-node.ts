import { once } from "node:events";
import { createServer } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { RuntimeService } from "cri-sdk/v1";
import type { Messages } from "./messages.js";
import { events } from "./subscribers.js";

/** Connect's adapter on node:http2. */
export async function serveConnectNode(path: string, { version, event, list }: Messages): Promise<void> {
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(RuntimeService, {
        version: () => version,
        listContainers: ({ filter }) => list(filter?.id),
        getContainerEvents: (_, { signal }) => events(event, signal),
      }),
  });
  const server = createServer(handler).listen(path);
  await once(server, "listening");
}
