import type { WebSocket } from "ws";
import { streamLost } from "../errors.js";
import { type ChannelProtocol, encodeChannel } from "./channels.js";

/** More than a server needs to take in one message: some refuse large ones. */
const messageBytes = 65_536;

/** Sends bytes on a channel, in as many messages as it takes; `done` is called once the last one is on its way. */
export function sendOnChannel(
  socket: WebSocket,
  protocol: ChannelProtocol,
  channel: number,
  bytes: Uint8Array,
  done: (error?: Error | null) => void,
): void {
  for (let at = 0; at === 0 || at < bytes.byteLength; at += messageBytes) {
    const message = encodeChannel(protocol, channel, bytes.subarray(at, at + messageBytes));
    if (at + messageBytes < bytes.byteLength) socket.send(message, () => undefined);
    else
      socket.send(message, (cause) =>
        done(cause ? streamLost(`the WebSocket broke: ${cause.message}`, { cause }) : null),
      );
  }
}
