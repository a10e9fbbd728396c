import { Code, ConnectError } from "@connectrpc/connect";
import { openCriClient } from "./cri-client.js";

/** How long a drain may take. */
export interface DrainOptions {
  /** For each call to the daemon, in milliseconds; default 20 000. */
  readonly callTimeoutMs?: number;
}

/** Stops and removes every pod of a daemon, and gives how many there were. */
export async function drainPods(
  socketPath: string,
  { callTimeoutMs = 20_000 }: DrainOptions = {},
): Promise<number> {
  const client = openCriClient(socketPath);
  const options = { timeoutMs: callTimeoutMs };
  // A daemon that does not even list is not worth more.
  const list = { timeoutMs: Math.min(callTimeoutMs, 5_000) };
  try {
    // Stopping a pod waits for its containers' own stop signal; killing them first makes that immediate.
    const { containers } = await client.runtime.listContainers({}, list);
    await Promise.all(
      containers.map(({ id }) =>
        client.runtime.stopContainer({ containerId: id, timeout: 0n }, options).catch(unlessGone),
      ),
    );
    const { items } = await client.runtime.listPodSandbox({}, list);
    await Promise.all(
      items.map(async ({ id }) => {
        await client.runtime.stopPodSandbox({ podSandboxId: id }, options).catch(unlessGone);
        await client.runtime.removePodSandbox({ podSandboxId: id }, options).catch(unlessGone);
      }),
    );
    return items.length;
  } finally {
    client.close();
  }
}

function unlessGone(error: unknown): void {
  if (ConnectError.from(error).code !== Code.NotFound) throw error;
}
