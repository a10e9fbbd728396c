import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Whether a connection keeps the process alive. One in memory has no say in it. */
export function keepProcess(connection: Duplex, keep: boolean): void {
  const socket = connection as Partial<Pick<Socket, "ref" | "unref">>;
  if (keep) socket.ref?.();
  else socket.unref?.();
}
