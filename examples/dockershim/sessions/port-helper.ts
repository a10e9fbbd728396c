// The program that runs in a pod's network namespace: connects to ports there and passes the sockets to the shim, which owns them
// from then on. Ends with the shim.
import type { Socket } from "node:net";
import { dial } from "./dial.js";
import type { DialRequest, DialResult } from "./pod-dialer.js";

function answer(result: DialResult, socket?: Socket): void {
  process.send?.(result, socket, {}, () => undefined);
}

process.on("message", ({ id, port }: DialRequest) => {
  dial(port).then(
    (socket) => answer({ id }, socket),
    (error: Error) => answer({ id, error: error.message }),
  );
});
process.once("disconnect", () => process.exit());
