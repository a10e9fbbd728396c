import { fileURLToPath } from "node:url";
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import { list, version } from "./handlers.js";

const protoPath = fileURLToPath(new URL("../../../proto/runtime/v1/api.proto", import.meta.url));

/** `@grpc/grpc-js` with `@grpc/proto-loader`. */
export async function serveGrpcJs(path: string): Promise<void> {
  const { runtime } = loadPackageDefinition(await load(protoPath)) as unknown as {
    readonly runtime: { readonly v1: { readonly RuntimeService: ServiceClientConstructor } };
  };
  // protobuf.js has no bigint.
  const containers = list.containers.map((one) => ({ ...one, createdAt: String(one.createdAt) }));
  const server = new Server({ "grpc.max_send_message_length": -1 });
  server.addService(runtime.v1.RuntimeService.service, {
    version: (_: unknown, done: sendUnaryData<object>) => done(null, version),
    listContainers: (_: unknown, done: sendUnaryData<object>) => done(null, { containers }),
  });
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
}
