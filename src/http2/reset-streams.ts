/** The number of streams that are remembered. */
const maxStreams = 1_000;

/**
 * The streams that were reset here and whose last frames may still be under way: those are ignored (RFC 9113, section 5.1). On other closed
 * streams they are an error.
 */
export class ResetStreams {
  readonly #ids = new Set<number>();
  /** Up to this one, any stream may have been reset here: the oldest are forgotten. */
  #forgotten = 0;

  add(streamId: number): void {
    this.#ids.add(streamId);
    if (this.#ids.size <= maxStreams) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      this.#forgotten = Math.max(this.#forgotten, oldest);
      return;
    }
  }

  /** Reports whether frames on a closed stream are ignored. */
  has(streamId: number): boolean {
    return streamId <= this.#forgotten || this.#ids.has(streamId);
  }

  /** Notes that the peer has ended the stream, so that nothing more may arrive. */
  delete(streamId: number): void {
    this.#ids.delete(streamId);
  }
}
