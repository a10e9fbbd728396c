import type { TestContext } from "node:test";
import { type ConnectOptions, type Cri, connect } from "../../../src/index.js";
import {
  type Chaos,
  type ChaosOptions,
  type ChaosRecord,
  type ChaosRule,
  chaos,
  type EmbeddedOptions,
} from "../../../src/testing/index.js";
import type { RpcTransport } from "../../../src/transport/index.js";
import { cleanup } from "../cleanup.js";
import { scripted } from "../embedded.js";
import { within } from "../waiting.js";

/** A client behind a proxy that causes faults, and what it caused. */
export interface ChaosClient {
  readonly proxy: Chaos;
  /** The client behind the proxy. */
  readonly faulty: Cri;
  readonly records: readonly ChaosRecord[];
}

/** Puts a proxy in front of a runtime, in memory or on a socket, and connects a client. Both are closed after the test. */
export async function faultyClient(
  t: TestContext,
  upstream: RpcTransport,
  options: ChaosOptions & { readonly socket?: string; readonly client?: Partial<ConnectOptions> },
): Promise<ChaosClient> {
  const { socket, client, ...own } = options;
  const records: ChaosRecord[] = [];
  const onFault = (record: ChaosRecord) => {
    records.push(record);
    own.onFault?.(record);
  };
  const proxy = chaos(upstream, { ...own, onFault });
  cleanup(t, () => within(10_000, proxy.close(), "chaos.close()"));
  if (socket !== undefined) await proxy.serve(socket);
  const faulty =
    socket === undefined
      ? connect.through({ ...client, transport: proxy.transport })
      : connect.lazy({ ...client, endpoint: socket });
  cleanup(t, () => faulty.close());
  return { proxy, faulty, records };
}

/** An embedded runtime with scripted programs, and a client behind a proxy with these rules. */
export async function faultyRuntime(
  t: TestContext,
  rules: readonly ChaosRule[],
  more: Omit<ChaosOptions, "plan"> & { readonly socket?: string; readonly runtime?: EmbeddedOptions } = {},
) {
  const { runtime: embedded, ...options } = more;
  const { runtime, cri } = await scripted(t, embedded);
  const client = await faultyClient(t, runtime.transport, { ...options, plan: { rules } });
  return { runtime, cri, ...client };
}
