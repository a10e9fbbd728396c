/**
 * The streams that this side has opened and to which the peer has not replied yet.
 *
 * Until the peer has replied to all of them, its connection must not be closed: containerd waits for its own reply before it writes
 * to a stream. If that reply fails because the client has hung up, containerd waits forever, and on attach it holds the lock of the
 * container's output meanwhile.
 */
export class UnrepliedStreams {
  readonly #ids = new Set<number>();
  #callbacks: (() => void)[] = [];

  get size(): number {
    return this.#ids.size;
  }

  add(streamId: number): void {
    this.#ids.add(streamId);
  }

  /** Removes a stream that the peer has replied to, reset or sent data on. */
  remove(streamId: number): void {
    if (!this.#ids.delete(streamId) || this.#ids.size > 0) return;
    const callbacks = this.#callbacks;
    this.#callbacks = [];
    for (const callback of callbacks) callback();
  }

  /** Calls back once the peer has replied to every stream; at once if it has already. */
  whenEmpty(callback: () => void): void {
    if (this.#ids.size === 0) callback();
    else this.#callbacks.push(callback);
  }
}
