import { maxStreamId } from "./frames.js";

/** The ids of one side's pings: a client's are odd, a server's even. */
export class PingIds {
  readonly #first: number;
  #next: number;

  constructor(role: "client" | "server") {
    this.#first = role === "client" ? 1 : 2;
    this.#next = this.#first;
  }

  next(): number {
    const id = this.#next;
    this.#next = id + 2 > maxStreamId ? this.#first : id + 2;
    return id;
  }

  /** Whether a ping that was received is the answer to one of ours, and not one to be answered. */
  isOwn(id: number): boolean {
    return id % 2 === this.#first % 2;
  }
}
