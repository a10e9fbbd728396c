import type { Socket } from "node:net";
import type { ForwardedConnection } from "./connection.js";

/**
 * Each side gets what the other sends. The end of the local side ends nothing: its reply may still be on the way. But
 * it is waited for only as long as bytes move, at most `idleMs` without any; 0 waits for ever.
 */
export function join(
  local: Socket,
  remote: ForwardedConnection,
  idleMs: number,
  onError: (error: unknown) => void,
): void {
  if (local.destroyed) {
    remote.destroy();
    return;
  }
  local.pipe(remote);
  remote.pipe(local);
  local.once("close", () => remote.destroy());
  // A port that was told of the end decides by itself how long it goes on.
  if (idleMs > 0 && !remote.passesEnd) {
    // A client that sent nothing may have ended before there was anywhere to send it.
    if (local.readableEnded) letGoWhenIdle(local, remote, idleMs);
    else local.once("end", () => letGoWhenIdle(local, remote, idleMs));
  }
  remote.once("error", (error) => {
    local.destroy();
    onError(error);
  });
  remote.once("close", () => {
    // A port that hung up without having ended leaves nothing to wait for.
    if (!local.writableEnded) local.destroy();
    // What the client still sends has nowhere to go, and would keep its end from being seen.
    else local.resume();
  });
}

/** A client that is gone looks like one that has only sent everything, and many ports wait for theirs to hang up. */
function letGoWhenIdle(local: Socket, remote: ForwardedConnection, idleMs: number): void {
  remote.on("timeout", () => {
    // A client that takes its time to read what has come is still there.
    if (local.writableLength > 0) remote.setTimeout(idleMs);
    else remote.destroy();
  });
  remote.setTimeout(idleMs);
}
