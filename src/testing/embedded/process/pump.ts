import type { Duplex, Readable, Writable } from "node:stream";

/** Writes, and waits until more can be taken. A reader that is gone takes everything. */
export function writeTo(target: Writable | undefined, chunk: Uint8Array): Promise<void> {
  if (!target || target.destroyed || target.writableEnded || target.write(chunk)) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = () => {
      target.off("drain", settle);
      target.off("close", settle);
      resolve();
    };
    target.on("drain", settle);
    target.on("close", settle);
  });
}

/** How a stream is passed on. */
export interface PumpOptions {
  /**
   * Whether the end is passed on, too.
   * @default true
   */
  readonly end?: boolean;
  /** Hears how many bytes were passed on. */
  readonly onBytes?: (count: number) => void;
}

/** Passes on all of a stream, and then its end. Resolves at the end of either; never rejects. */
export async function pump(
  source: Readable,
  target: Writable,
  { end = true, onBytes }: PumpOptions = {},
): Promise<void> {
  // Whoever is told of a failure here knows it from the end of the process, or of the session.
  const ignore = () => undefined;
  target.on("error", ignore);
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (target.destroyed) break;
      onBytes?.(chunk.byteLength);
      await writeTo(target, chunk);
    }
  } catch {
    // A source that broke off is at its end.
  }
  // What goes on to live may have many such.
  if (!end) target.off("error", ignore);
  else if (!target.destroyed) target.end();
}

/** What has gone through connections, in bytes. */
export interface Traffic {
  /** From the first to the second. */
  there: number;
  back: number;
}

/** Connects two connections until both directions have ended. A broken one breaks the other. */
export async function join(a: Duplex, b: Duplex, traffic: Traffic): Promise<void> {
  const cut = () => {
    a.destroy();
    b.destroy();
  };
  a.once("error", cut);
  b.once("error", cut);
  const there = (count: number) => {
    traffic.there += count;
  };
  const back = (count: number) => {
    traffic.back += count;
  };
  await Promise.all([pump(a, b, { onBytes: there }), pump(b, a, { onBytes: back })]);
  await Promise.all([over(a), over(b)]);
}

function over(stream: Duplex): Promise<void> {
  if (stream.destroyed || stream.writableFinished) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("finish", resolve);
    stream.once("close", resolve);
  });
}
