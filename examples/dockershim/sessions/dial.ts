// Connects to a port of this network namespace, on the shim's side or in the helper.
import { connect, type Socket } from "node:net";

/** Where the processes of a pod listen that only other processes of the pod can reach; a wildcard address includes these. */
const hosts = ["127.0.0.1", "::1"];

/** Connects to a port on localhost. Nothing has been read from the socket, so that it can be passed to another process. */
export async function dial(port: number): Promise<Socket> {
  const reasons: string[] = [];
  for (const host of hosts) {
    const socket = connect({ host, port, allowHalfOpen: true }).pause();
    const error = await new Promise<Error | undefined>((resolve) => {
      socket.once("connect", () => resolve(undefined)).once("error", resolve);
    });
    if (!error) return socket;
    reasons.push(error.message);
  }
  throw new Error(`failed to connect to localhost:${port}: ${reasons.join(", ")}`);
}
