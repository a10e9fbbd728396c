import type { Stream } from "./stream.js";

/** The fewest places. A power of 2, as all sizes. */
const minPlaces = 64;

/**
 * The open streams of a connection by their ids. A `Map` that entries are added to and deleted from all the time costs much more: V8
 * copies it again and again, and links each old copy to the next one. Once such a copy has been promoted to the old generation, every
 * later one survives with all streams that were open at that time, until the next full garbage collection.
 */
export class StreamTable {
  /** Open addressing: a stream is at the place of its id or after it, without an empty place between. */
  #places: (Stream | undefined)[] = new Array(minPlaces).fill(undefined);
  #mask = minPlaces - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    const mask = this.#mask;
    for (let at = hash(id) & mask; ; at = (at + 1) & mask) {
      const stream = this.#places[at];
      if (stream === undefined || stream.id === id) return stream;
    }
  }

  /** Adds a stream, whose id is new. */
  add(stream: Stream): void {
    // At most half full, so that searches are short.
    if (++this.#size > this.#places.length / 2) this.#grow();
    this.#place(stream);
  }

  /** Removes a stream, if it is there. */
  delete(id: number): void {
    const [places, mask] = [this.#places, this.#mask];
    let empty = hash(id) & mask;
    for (; places[empty]?.id !== id; empty = (empty + 1) & mask) if (!places[empty]) return;
    this.#size--;
    // Those after it move up, unless they would come before the places of their ids.
    for (let at = (empty + 1) & mask; ; at = (at + 1) & mask) {
      const stream = places[at];
      if (!stream) break;
      const distance = (at - hash(stream.id)) & mask;
      if (distance < ((at - empty) & mask)) continue;
      places[empty] = stream;
      empty = at;
    }
    places[empty] = undefined;
  }

  /** Returns the streams that are open now, in the order of their ids. */
  list(): Stream[] {
    return this.#places.filter((stream) => stream !== undefined).sort((a, b) => a.id - b.id);
  }

  #place(stream: Stream): void {
    let at = hash(stream.id) & this.#mask;
    while (this.#places[at]) at = (at + 1) & this.#mask;
    this.#places[at] = stream;
  }

  #grow(): void {
    const streams = this.#places;
    this.#places = new Array(2 * streams.length).fill(undefined);
    this.#mask = this.#places.length - 1;
    for (const stream of streams) if (stream) this.#place(stream);
  }
}

/** Spreads the ids of streams that live long, which often follow each other, over the table. */
function hash(id: number): number {
  return Math.imul(id, 0x9e3779b1) >>> 15;
}
