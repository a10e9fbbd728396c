import type { TestContext } from "node:test";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { ImageService, RuntimeService } from "../../src/v1.js";
import { cleanup } from "../support/cleanup.js";
import { type GrpcServer, grpcServer } from "../support/grpc-server.js";

/** A runtime on a socket of the test: it responds to Version with `name`, and to other RPCs as the test defines. */
export function runtimeServer(
  t: TestContext,
  name: string,
  more: Partial<ServiceImpl<typeof RuntimeService>> = {},
): Promise<GrpcServer> {
  return grpcServer(t, ({ service }) => {
    service(RuntimeService, {
      version: () => ({ runtimeName: name, runtimeVersion: "1", runtimeApiVersion: "v1" }),
      ...more,
    });
    service(ImageService, { imageFsInfo: () => ({}), listImages: () => ({}) });
  });
}

/** A gRPC server without CRI's services. */
export function alienServer(t: TestContext): Promise<GrpcServer> {
  return runtimeServer(t, "alien", {
    version: () => {
      throw new ConnectError("unknown service runtime.v1.RuntimeService", Code.Unimplemented);
    },
  });
}

/** Sets environment variables for one test. */
export function setEnv(t: TestContext, variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    process.env[name] = value;
    cleanup(t, () => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
}
