import { fileURLToPath } from "node:url";
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import type { Messages } from "./messages.js";
import { subscribe } from "./subscribers.js";

const protoPath = fileURLToPath(new URL("../../../proto/runtime/v1/api.proto", import.meta.url));

type ListCall = ServerUnaryCall<{ readonly filter?: { readonly id: string } }, object>;

/** `@grpc/grpc-js` with `@grpc/proto-loader`. */
export async function serveGrpcJs(path: string, { version, event, list }: Messages): Promise<void> {
  const { runtime } = loadPackageDefinition(await load(protoPath)) as unknown as {
    readonly runtime: { readonly v1: { readonly RuntimeService: ServiceClientConstructor } };
  };
  const lists = new Map<string | undefined, object>();
  const server = new Server({ "grpc.max_send_message_length": -1 });
  server.addService(runtime.v1.RuntimeService.service, {
    version: (_: unknown, done: sendUnaryData<object>) => done(null, version),
    listContainers({ request: { filter } }: ListCall, done: sendUnaryData<object>) {
      let response = lists.get(filter?.id);
      if (!response) {
        response = withoutBigints(list(filter?.id));
        lists.set(filter?.id, response);
      }
      done(null, response);
    },
    getContainerEvents(call: ServerWritableStream<object, object>) {
      const message = withoutBigints(event);
      call.on(
        "cancelled",
        subscribe(() => call.write(message)),
      );
    },
  });
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
}

/** Returns a copy of a message as protobuf.js takes it: it has no bigint. */
function withoutBigints(message: object): object {
  const entries = Object.entries(message).map(([name, value]) => [name, copyOf(value)]);
  return Object.fromEntries(entries);
}

function copyOf(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(copyOf);
  return typeof value === "object" && value !== null ? withoutBigints(value) : value;
}
