import { Code, ConnectError } from "@connectrpc/connect";
import { openCriClient } from "./cri-client.js";

/** Options of {@link drainPods}. */
export interface DrainOptions {
  /** The timeout of each call to the daemon, in milliseconds; default 20 000. */
  readonly callTimeoutMs?: number;
}

/** Stops and removes all pods of a daemon; returns their number. */
export async function drainPods(
  socketPath: string,
  { callTimeoutMs = 20_000 }: DrainOptions = {},
): Promise<number> {
  const client = openCriClient(socketPath);
  const options = { timeoutMs: callTimeoutMs };
  // A daemon that does not respond to a list within 5 s is considered hung.
  const list = { timeoutMs: Math.min(callTimeoutMs, 5_000) };
  try {
    // StopPodSandbox would wait for the containers to handle their stop signal; killing them first avoids the wait.
    const { containers } = await client.runtime.listContainers({}, list);
    await Promise.all(
      containers.map(({ id }) =>
        client.runtime.stopContainer({ containerId: id, timeout: 0n }, options).catch(ignoreNotFound),
      ),
    );
    const { items } = await client.runtime.listPodSandbox({}, list);
    await Promise.all(
      items.map(async ({ id }) => {
        await client.runtime.stopPodSandbox({ podSandboxId: id }, options).catch(ignoreNotFound);
        await client.runtime.removePodSandbox({ podSandboxId: id }, options).catch(ignoreNotFound);
      }),
    );
    return items.length;
  } finally {
    client.close();
  }
}

function ignoreNotFound(error: unknown): void {
  if (ConnectError.from(error).code !== Code.NotFound) throw error;
}
