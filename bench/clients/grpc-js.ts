import { fileURLToPath } from "node:url";
import { type Client, credentials, loadPackageDefinition, type requestCallback } from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import { type BenchClient, type Sockets, timeoutMs } from "./client.js";

/** grpc-js makes its clients from the proto file at run time: the compiler knows nothing of them. */
interface RuntimeServiceClient extends Client {
  version(request: object, options: { deadline: number }, callback: requestCallback<object>): void;
  listContainers(request: object, options: { deadline: number }, callback: requestCallback<object>): void;
}
type RuntimeServiceConstructor = new (...args: ConstructorParameters<typeof Client>) => RuntimeServiceClient;

const protoPath = fileURLToPath(new URL("../../../proto/runtime/v1/api.proto", import.meta.url));

/** `@grpc/grpc-js` with `@grpc/proto-loader`. */
export async function grpcJs(sockets: Sockets): Promise<BenchClient> {
  // Absent fields get their defaults, as they do in our messages; the loader's other options only cost it time.
  const definition = loadPackageDefinition(await load(protoPath, { defaults: true }));
  const { v1 } = definition.runtime as unknown as { v1: { RuntimeService: RuntimeServiceConstructor } };
  const versions = new v1.RuntimeService(`unix:${sockets.version}`, credentials.createInsecure());
  const lists = new v1.RuntimeService(`unix:${sockets.list}`, credentials.createInsecure());
  return {
    version: () => promised((done) => versions.version({}, { deadline: Date.now() + timeoutMs }, done)),
    list: () => promised((done) => lists.listContainers({}, { deadline: Date.now() + timeoutMs }, done)),
    close() {
      versions.close();
      lists.close();
    },
  };
}

function promised(start: (done: requestCallback<object>) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    start((error, answer) => (error ? reject(error) : resolve(answer)));
  });
}
