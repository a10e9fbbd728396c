/** A call that knows its place among the open ones. */
export interface PlacedCall {
  place: number;
}

/**
 * The calls in flight, in no order. Not a `Set`, for the reason that `http2/stream-table` has: V8 would keep calls that have ended until
 * the next full garbage collection.
 */
export class OpenCalls<C extends PlacedCall> {
  readonly #calls: C[] = [];

  get size(): number {
    return this.#calls.length;
  }

  add(call: C): void {
    call.place = this.#calls.length;
    this.#calls.push(call);
  }

  /** Removes a call that was added; the last one takes its place. */
  delete(call: C): void {
    const last = this.#calls.pop();
    if (!last || last === call) return;
    this.#calls[call.place] = last;
    last.place = call.place;
  }

  /** Returns the calls that are open now. */
  list(): C[] {
    return this.#calls.slice();
  }
}
