import { connect } from "node:net";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";

/** Clients of both CRI services of one daemon. */
export interface CriClient {
  readonly runtime: Client<typeof RuntimeService>;
  readonly image: Client<typeof ImageService>;
  /** Closes the connection. */
  close(): void;
}

/** Creates plain clients for the scripts' own calls; the first call connects. */
export function openCriClient(socketPath: string): CriClient {
  const baseUrl = "http://localhost";
  const createConnection = (): ReturnType<typeof connect> => connect(socketPath);
  const sessionManager = new Http2SessionManager(baseUrl, {}, { createConnection });
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  return {
    runtime: createClient(RuntimeService, transport),
    image: createClient(ImageService, transport),
    close: () => sessionManager.abort(),
  };
}
