import type { FeedMessage } from "../messages.js";
import { openSocket } from "./requests.js";

const retryMs = 1_000;

/** Calls back with the server's messages, and with whether there is a server. Connects again after each end. */
export function followFeed(
  onMessage: (message: FeedMessage) => void,
  onServer: (isConnected: boolean) => void,
): void {
  const socket = openSocket("/feed");
  socket.addEventListener("open", () => onServer(true));
  socket.addEventListener("message", ({ data }) => onMessage(JSON.parse(data)));
  socket.addEventListener("close", () => {
    onServer(false);
    setTimeout(() => followFeed(onMessage, onServer), retryMs);
  });
}
