import type { TestContext } from "node:test";
import { type Cri, connect } from "../../src/index.js";
import { memoryTransport, type Services } from "../../src/server/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { type RpcInterceptor, withInterceptors } from "../../src/transport/index.js";
import { cleanup } from "../support/cleanup.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { busybox } from "../testing/embedded/support.js";

/** A client of an embedded runtime, in memory. */
export async function inMemory(t: TestContext, ...interceptors: RpcInterceptor[]): Promise<Cri> {
  checkLeaks(t);
  const runtime = await EmbeddedRuntime.start({ preload: [busybox] });
  cleanup(t, () => runtime.close());
  const cri = connect.through(withInterceptors(runtime.transport, interceptors));
  cleanup(t, () => cri.close());
  return cri;
}

/** A client of an embedded runtime, over a socket, and the runtime. */
export async function onSocket(t: TestContext, ...interceptors: RpcInterceptor[]) {
  checkLeaks(t);
  const socket = `${await tempFolder(t)}/cri.sock`;
  const runtime = await EmbeddedRuntime.start({ socket, preload: [busybox] });
  cleanup(t, () => runtime.close());
  const cri = await connect({ endpoint: socket, interceptors, retry: { backoff: { firstMs: 1 } } });
  cleanup(t, () => cri.close());
  return { cri, runtime, socket };
}

/** A client of handlers of the test's own. */
export function through(t: TestContext, services: Services, ...interceptors: RpcInterceptor[]): Cri {
  checkLeaks(t);
  const cri = connect.through(memoryTransport(services, { interceptors }));
  cleanup(t, () => cri.close());
  return cri;
}

/** A pod's config, with a value in it that no log should see. */
export const podConfig = (name = "a") => ({ metadata: { name, namespace: "test", uid: `uid-${name}` } });

export const secret = "hunter2-hunter2";
