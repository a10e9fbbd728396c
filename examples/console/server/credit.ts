import type { WebSocket } from "ws";
import type { Acknowledgement } from "../messages.js";

/** How many messages are under way to the page at most. */
const maxInFlight = 8;

/**
 * Back-pressure of one WebSocket. A browser reads a WebSocket as fast as it can, whether the page can follow or not, so the page says how
 * many messages it has shown.
 */
export class Credit {
  readonly #socket: WebSocket;
  #inFlight = 0;
  #wake: (() => void) | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.once("close", () => this.#wake?.());
  }

  /** Sends a message as soon as the page has shown enough of the earlier ones. Returns false when the socket is closed. */
  async send(data: string | Uint8Array): Promise<boolean> {
    while (this.#inFlight >= maxInFlight && this.#isOpen)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (!this.#isOpen) return false;
    this.#inFlight++;
    this.#socket.send(data);
    return true;
  }

  /** Notes what the page has shown. */
  acknowledge({ messages }: Acknowledgement): void {
    this.#inFlight = Math.max(0, this.#inFlight - messages);
    this.#wake?.();
    this.#wake = undefined;
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }
}
