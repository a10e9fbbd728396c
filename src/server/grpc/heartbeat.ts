import type { Http2Session } from "node:http2";
import type { CallPeer } from "./call.js";

/** How often clients are asked for a sign of life. Clients take a server's pings at any rate. */
const heartbeatMs = 300_000;

/**
 * Cuts connections whose client has not answered since the last time: a host that vanished says nothing on TCP, and of
 * a client that broke the protocol Node does not even hear that it hung up. Gives what ends the watch.
 */
export function watchPeers(peers: ReadonlyMap<Http2Session, CallPeer>): () => void {
  const silent = new WeakSet<Http2Session>();
  const look = () => {
    for (const [session, peer] of peers)
      if (silent.has(session)) peer.cut();
      else if (!session.closed && !session.destroyed) {
        silent.add(session);
        session.ping((error) => {
          if (!error) silent.delete(session);
        });
      }
  };
  const timer = setInterval(look, heartbeatMs);
  timer.unref();
  return () => clearInterval(timer);
}
