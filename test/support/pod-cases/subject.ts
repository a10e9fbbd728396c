import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type ConnectOptions, type Cri, connect, type PodSpec } from "../../../src/index.js";
import type { ConformanceCommands } from "../../../src/testing/index.js";
import { type RpcTransport, withInterceptors } from "../../../src/transport/index.js";

/** A runtime to test pods and containers on. */
export interface PodSubject {
  /** Opens another connection to it. */
  open(options?: Partial<ConnectOptions>): Cri;
  /** An image that it can pull, and one that does not exist in the registry. */
  readonly image: string;
  readonly missingImage: string;
  readonly commands: ConformanceCommands;
  /** A directory that it can write logs to. */
  readonly logRoot: string;
  /** Whether it reports the config of a sandbox. */
  readonly reportsConfig: boolean;
}

/** The connection of one test, with an owner of its own. Disposing it removes everything of that owner. */
export interface Stage extends AsyncDisposable {
  readonly cri: Cri;
  readonly owner: string;
  /** Returns a pod's spec with a name that is unique to the test. */
  pod(name: string, more?: Partial<PodSpec>): PodSpec;
  /** Lists what the runtime and the host still have of this owner. */
  leftovers(): Promise<string[]>;
}

export function stage(subject: PodSubject, options: Partial<ConnectOptions> = {}): Stage {
  const owner = `test-${randomUUID().slice(0, 8)}`;
  const pods = { owner, logRoot: join(subject.logRoot, owner) };
  const cri = subject.open({ pods, ...options });
  const labelSelector = { "cri-sdk/owner": owner };
  const leftovers = async () => {
    const sandboxes = await cri.lists.podSandboxes({ labelSelector }).collect();
    const containers = await cri.lists.containers({ labelSelector }).collect();
    const logs = existsSync(pods.logRoot) ? readdirSync(pods.logRoot) : [];
    return [
      ...sandboxes.map(({ metadata, id }) => `pod ${metadata?.name} ${id.slice(0, 13)}`),
      ...containers.map(({ metadata, id }) => `container ${metadata?.name} ${id.slice(0, 13)}`),
      ...logs.map((name) => `logs ${name}`),
    ];
  };
  return {
    cri,
    owner,
    leftovers,
    pod: (name, more) => ({ name: `${name}-${owner}`, namespace: "cri-sdk-test", ...more }),
    async [Symbol.asyncDispose]() {
      // An error here would hide why the test failed. Tests check for leftovers themselves.
      for (const pod of await cri.pods.list({ owner }).catch(() => []))
        await pod.remove().catch(() => undefined);
      await cri.close();
    },
  };
}

/** Returns `open` for a subject in memory. */
export function openTransport(transport: RpcTransport): PodSubject["open"] {
  return ({ interceptors, ...options } = {}) =>
    connect.through({
      ...options,
      transport: interceptors ? withInterceptors(transport, interceptors) : transport,
    });
}

/** Returns `open` for a subject with an endpoint. */
export function openEndpoint(endpoint: string): PodSubject["open"] {
  return (options) => connect.lazy({ ...options, endpoint });
}
