import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type ConnectOptions, type Cri, connect, type PodSpec } from "../../../src/index.js";
import type { ConformanceCommands } from "../../../src/testing/index.js";

/** A runtime that the friendly layer is tested on. */
export interface PodSubject {
  /** Another connection to it, with these options. */
  open(options?: Partial<ConnectOptions>): Cri;
  /** An image that it can pull, and one that its registry does not have. */
  readonly image: string;
  readonly missingImage: string;
  readonly commands: ConformanceCommands;
  /** Where it can write logs. */
  readonly logRoot: string;
  /** Whether it keeps the config of a sandbox and tells it. */
  readonly tellsConfig: boolean;
}

/** One test's connection, with an owner of its own, whose things are all gone at its end. */
export interface Stage extends AsyncDisposable {
  readonly cri: Cri;
  readonly owner: string;
  /** A pod's spec with a name of the test's own. */
  pod(name: string, more?: Partial<PodSpec>): PodSpec;
  /** What the runtime and the host still have of this owner's. */
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
      // A failure here would hide why the test failed, and a leftover shows in the next test that looks.
      for (const pod of await cri.pods.list({ owner }).catch(() => []))
        await pod.remove().catch(() => undefined);
      await cri.close();
    },
  };
}

/** For subjects that are reached by an endpoint. */
export function openEndpoint(endpoint: string): PodSubject["open"] {
  return (options) => connect.lazy({ ...options, endpoint });
}
