import { fileURLToPath } from "node:url";
import { type Client, credentials, loadPackageDefinition, type requestCallback } from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import { type BenchClient, filterFor, timeoutMs } from "./client.js";

type Method = (request: object, options: { deadline: number }, callback: requestCallback<object>) => void;

/** The client that grpc-js creates from the proto file at run time, without types. */
interface RuntimeServiceClient extends Client {
  version: Method;
  listContainers: Method;
}
type RuntimeServiceConstructor = new (...args: ConstructorParameters<typeof Client>) => RuntimeServiceClient;

const protoPath = fileURLToPath(new URL("../../../proto/runtime/v1/api.proto", import.meta.url));

/** `@grpc/grpc-js` with `@grpc/proto-loader`. */
export async function grpcJs(path: string): Promise<BenchClient> {
  // Absent fields get their defaults, as in the messages of cri-sdk; the other options of the loader only cost time.
  const definition = loadPackageDefinition(await load(protoPath, { defaults: true }));
  const { v1 } = definition.runtime as unknown as { v1: { RuntimeService: RuntimeServiceConstructor } };
  const options = { "grpc.max_receive_message_length": -1 };
  const client = new v1.RuntimeService(`unix:${path}`, credentials.createInsecure(), options);
  const call = (method: "version" | "listContainers", request: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      client[method](request, { deadline: Date.now() + timeoutMs }, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  return {
    version: () => call("version", {}),
    list: (containers) => call("listContainers", { filter: filterFor(containers) }),
  };
}
