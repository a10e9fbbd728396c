// Our client with a server on @grpc/grpc-js.
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import { cleanup } from "../support/cleanup.js";
import { checkLeaks } from "../support/leaks.js";
import {
  checkClientWith,
  listSizes,
  peerEvent,
  peerList,
  peerVersion,
  type ServerPeer,
} from "../support/server-peer.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";

const proto = fileURLToPath(new URL("../../proto/runtime/v1/api.proto", import.meta.url));
const lists = new Map(listSizes.map((size) => [String(size), withoutBigints(peerList(size))]));

/** Returns a copy of a message as protobuf.js takes it: it has no bigint. */
function withoutBigints(message: object): object {
  const text = JSON.stringify(message, (_, value) => (typeof value === "bigint" ? String(value) : value));
  return JSON.parse(text) as object;
}

async function startServer(t: TestContext): Promise<ServerPeer> {
  const { runtime } = loadPackageDefinition(await load(proto)) as unknown as {
    readonly runtime: { readonly v1: { readonly RuntimeService: ServiceClientConstructor } };
  };
  const limits = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
  const server = new Server(limits);
  const subscribers = new Set<ServerWritableStream<object, object>>();
  type ListCall = ServerUnaryCall<{ readonly filter?: { readonly id?: string } }, object>;
  server.addService(runtime.v1.RuntimeService.service, {
    version: (_: unknown, done: sendUnaryData<object>) => done(null, peerVersion),
    listContainers({ request: { filter } }: ListCall, done: sendUnaryData<object>) {
      const list = lists.get(filter?.id ?? "");
      if (list) done(null, list);
      else done({ code: status.UNKNOWN, details: `there is no list for ${filter?.id}` });
    },
    getContainerEvents(call: ServerWritableStream<object, object>) {
      subscribers.add(call);
      call.on("cancelled", () => subscribers.delete(call));
    },
  });
  const path = join(await tempFolder(t), "cri.sock");
  await new Promise<void>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`unix:${path}`, credentials, (error) => (error ? reject(error) : resolve()));
  });
  cleanup(t, () => server.forceShutdown());
  const event = withoutBigints(peerEvent);
  return {
    path,
    async broadcast(count) {
      for (let sent = 0; sent < count; sent++) for (const call of subscribers) call.write(event);
    },
    subscribed: (count) => until(() => subscribers.size === count, `${count} subscribers`),
  };
}

test("our client with a server on @grpc/grpc-js", { timeout: 120_000 }, async (t) => {
  checkLeaks(t);
  await checkClientWith(t, await startServer(t));
});
