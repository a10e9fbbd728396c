import type { ServerConnection } from "../../http2/index.js";

/** The interval of keepalive pings, in milliseconds. Clients accept a server's pings at any rate. */
const intervalMs = 300_000;

/**
 * Destroys connections whose clients do not reply to a ping until the next one: a host that vanished sends nothing over TCP, not even an
 * acknowledgement. Returns a function that stops the pings.
 */
export function keepAlive(connections: ReadonlySet<ServerConnection>): () => void {
  const unanswered = new WeakSet<ServerConnection>();
  const timer = setInterval(() => {
    for (const connection of connections)
      if (unanswered.has(connection)) connection.destroy();
      else {
        unanswered.add(connection);
        connection.ping(() => unanswered.delete(connection));
      }
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
