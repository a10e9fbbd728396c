import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { linkedController } from "../../core/index.js";

/** Returns a signal that fires when the client leaves before the end of its answer, and when the server closes. */
export function requestSignal(stream: ServerResponse | Duplex, closing: AbortSignal) {
  const controller = linkedController(closing);
  const onClose = () => controller.abort(new Error("the client disconnected"));
  stream.once("close", onClose);
  return {
    signal: controller.signal,
    unlink() {
      stream.off("close", onClose);
      controller.unlink();
    },
  };
}
