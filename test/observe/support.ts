import type { TestContext } from "node:test";
import { type Cri, connect } from "../../src/index.js";
import { memoryTransport, type Services } from "../../src/server/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { type RpcInterceptor, withInterceptors } from "../../src/transport/index.js";
import { cleanup } from "../support/cleanup.js";
import { busybox } from "../support/embedded.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";

/** Creates a client of an in-memory embedded runtime. */
export async function inMemory(t: TestContext, ...interceptors: RpcInterceptor[]): Promise<Cri> {
  checkLeaks(t);
  const runtime = await EmbeddedRuntime.start({ preload: [busybox] });
  cleanup(t, () => runtime.close());
  const cri = connect.through(withInterceptors(runtime.transport, interceptors));
  cleanup(t, () => cri.close());
  return cri;
}

/** Creates an embedded runtime on a socket, with a client. */
export async function onSocket(t: TestContext, ...interceptors: RpcInterceptor[]) {
  checkLeaks(t);
  const socket = `${await tempFolder(t)}/cri.sock`;
  const runtime = await EmbeddedRuntime.start({ socket, preload: [busybox] });
  cleanup(t, () => runtime.close());
  const cri = await connect({ endpoint: socket, interceptors, retry: { backoff: { firstMs: 1 } } });
  cleanup(t, () => cri.close());
  return { cri, runtime, socket };
}

/** Creates a client of the test's own handlers. */
export function through(t: TestContext, services: Services, ...interceptors: RpcInterceptor[]): Cri {
  checkLeaks(t);
  const cri = connect.through(memoryTransport(services, { interceptors }));
  cleanup(t, () => cri.close());
  return cri;
}

/** A pod config with a value that must not be logged. */
export const podConfig = (name = "a") => ({ metadata: { name, namespace: "test", uid: `uid-${name}` } });

export const secret = "hunter2-hunter2";
