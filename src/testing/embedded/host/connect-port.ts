import { connect, type Socket } from "node:net";
import { CriError } from "../../../core/index.js";
import { addressKey, heldBy, type Listener, listenersOn } from "./listeners.js";

/** How long all attempts together may take. */
const connectWithinMs = 2_000;

/**
 * Connects to a port that one of these processes listens on: at the pod's own address, at 127.0.0.1, or at ::1. All
 * processes share the host's network, so what others listen on, of the host or of another pod, is refused, where the
 * system tells whose it is (Linux). Elsewhere whoever listens is taken.
 */
export async function connectPort(
  ip: string | undefined,
  port: number,
  pids: () => Promise<readonly number[]>,
): Promise<Socket> {
  const addresses = [...new Set([...(ip ? [ip] : []), "127.0.0.1", "::1"])];
  const listeners = listenersOn(port);
  const held = listeners && listeners.length > 0 ? heldBy(await pids(), listeners) : listeners;
  const until = performance.now() + connectWithinMs;
  let why = "connection refused";
  for (const address of addresses) {
    if (held && !held.some((listener) => answers(listener, address))) continue;
    const outcome = await dial(address, port, until - performance.now());
    if (typeof outcome !== "string") return outcome;
    why = outcome;
  }
  const text = `cannot connect to port ${port} of the pod: ${why}`;
  throw new CriError({ code: "unavailable", reason: "port_refused", text });
}

function answers({ family, any, address }: Listener, asked: string): boolean {
  if (asked === "::1") return family === 6 && (any || address === addressKey(asked));
  if (any) return true;
  // An IPv4 address may be bound through IPv6, as ::ffff:127.0.0.1.
  return family === 4
    ? address === addressKey(asked)
    : address.endsWith(addressKey(asked)) && address.startsWith("0".repeat(16));
}

/** A connection that lives on when one side has ended, or why there is none. */
function dial(host: string, port: number, withinMs: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const fail = (why: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(why);
    };
    const timer = setTimeout(() => fail("connection refused: no answer in time"), Math.max(1, withinMs));
    const onError = (error: NodeJS.ErrnoException) =>
      fail(error.code === "ECONNREFUSED" ? "connection refused" : `connection refused: ${error.message}`);
    socket.once("error", onError);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeListener("error", onError);
      resolve(socket);
    });
  });
}
