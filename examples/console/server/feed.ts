import type { WebSocket } from "ws";
import type { FeedMessage } from "../messages.js";

/** What may be under way to one page before it has to begin again. */
const maxBufferedBytes = 4 * 2 ** 20;
/** How often a page that fell behind is looked at. */
const retryMs = 500;

/** The pages that are open. All of them get the same messages, which are encoded once. */
export class Feed {
  readonly #start: () => FeedMessage;
  readonly #pages = new Set<WebSocket>();

  constructor(start: () => FeedMessage) {
    this.#start = start;
  }

  add(socket: WebSocket): void {
    socket.once("close", () => this.#pages.delete(socket));
    this.#begin(socket);
  }

  /** Sends a change to all pages that have followed so far. */
  send(message: FeedMessage): void {
    const text = JSON.stringify(message);
    for (const socket of this.#pages)
      if (socket.bufferedAmount > maxBufferedBytes) this.#fallBehind(socket);
      else socket.send(text);
  }

  #begin(socket: WebSocket): void {
    // Encoding it sends what the other pages do not have yet, so this page is added afterwards.
    const text = JSON.stringify(this.#start());
    this.#pages.add(socket);
    socket.send(text);
  }

  /** Sends nothing until the page has read everything, and then the whole state. */
  #fallBehind(socket: WebSocket): void {
    this.#pages.delete(socket);
    const timer = setInterval(() => {
      if (socket.bufferedAmount > 0) return;
      clearInterval(timer);
      this.#begin(socket);
    }, retryMs);
    socket.once("close", () => clearInterval(timer));
  }
}
