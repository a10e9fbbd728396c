import type { Readable } from "node:stream";
import { OutputStream } from "../core/index.js";

/** How far into the output to search for the marker, in bytes. A terminal may echo input before it. */
const searchBytes = 65_536;

/** How far into the output after the first marker to search for a second one, in bytes. A shell's own message may precede it. */
const secondSearchBytes = 4_096;

/** The result of the search for a marker. */
export type MarkerResult =
  /** The rest of the marker's line. */
  | { readonly kind: "found"; readonly value: string }
  /** The output ended without the marker, after this many bytes. */
  | { readonly kind: "absent"; readonly bytes: number }
  /** The output broke, or was too long without the marker. */
  | { readonly kind: "unknown" };

/** An output without its lines that begin with a marker; the rest of such a line is a separate result. */
export class MarkedOutput extends OutputStream {
  /** Never rejects. */
  readonly marker: Promise<MarkerResult>;
  readonly #source: Readable;
  readonly #marker: Buffer;
  /** The beginning of a second line, which the messages of a shell, whose name is the marker, do not have. */
  readonly #secondMarker: Buffer;
  /** The output so far, until the search has ended. */
  #held: Buffer | undefined = Buffer.alloc(0);
  #resolve: (result: MarkerResult) => void = () => undefined;
  /** The beginning of the output after the first marker, in which a second marker is searched for. */
  #beginning = Buffer.alloc(0);

  /** The rest of a line with the marker and a `!`, which may follow shortly after the first; undefined until it arrives. */
  get second(): string | undefined {
    const begin = this.#beginning.indexOf(this.#secondMarker);
    const end = begin < 0 ? -1 : this.#beginning.indexOf("\n", begin);
    return end < 0
      ? undefined
      : this.#beginning.toString("latin1", begin + this.#marker.byteLength, end).trim();
  }

  constructor(source: Readable, marker: string) {
    super(() => void source.resume());
    this.#source = source;
    this.#marker = Buffer.from(marker);
    this.#secondMarker = Buffer.from(`${marker}!`);
    this.marker = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    source.on("data", (part: Buffer) => this.#take(part));
    source.once("end", () => {
      this.#endSearch({ kind: "absent", bytes: this.#held?.byteLength ?? 0 });
      this.finish();
    });
    source.once("error", (error) => {
      this.#endSearch({ kind: "unknown" });
      this.fail(error);
    });
    source.once("close", () => this.#endSearch({ kind: "unknown" }));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // The marker is needed even when the output is not, and may not have arrived yet.
    void this.marker.then(() => this.#source.destroy());
    super._destroy(error, done);
  }

  #take(part: Buffer): void {
    if (!this.#held) {
      this.#passAfterFirst(part);
      return;
    }
    this.#held = Buffer.concat([this.#held, part]);
    const begin = this.#held.indexOf(this.#marker);
    const end = begin < 0 ? -1 : this.#held.indexOf("\n", begin);
    if (end >= 0) {
      const held = this.#held;
      this.#held = undefined;
      const value = held.toString("latin1", begin + this.#marker.byteLength, end).trim();
      this.#resolve({ kind: "found", value });
      this.#pass(held.subarray(0, begin));
      this.#passAfterFirst(held.subarray(end + 1));
    } else if (this.#held.byteLength > searchBytes) this.#endSearch({ kind: "unknown" });
  }

  #endSearch(result: MarkerResult): void {
    const held = this.#held;
    this.#held = undefined;
    this.#resolve(result);
    if (held) this.#pass(held);
  }

  /** Passes a part on; cuts a second marker out if its line arrived whole, as the single write of a shell usually does. */
  #passAfterFirst(part: Buffer): void {
    const searched = part.subarray(0, Math.max(0, secondSearchBytes - this.#beginning.byteLength));
    if (searched.byteLength > 0) this.#beginning = Buffer.concat([this.#beginning, searched]);
    const begin = searched.indexOf(this.#secondMarker);
    const end = begin < 0 ? -1 : part.indexOf("\n", begin);
    this.#pass(end < 0 ? part : part.subarray(0, begin));
    if (end >= 0) this.#pass(part.subarray(end + 1));
  }

  #pass(part: Buffer): void {
    if (part.byteLength > 0 && !this.receive(part)) this.#source.pause();
  }
}
