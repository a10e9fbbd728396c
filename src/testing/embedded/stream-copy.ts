import type { Duplex, Readable, Writable } from "node:stream";

/** Writes a chunk and waits until the stream accepts more. A stream that is closed accepts everything. */
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

/** Options of {@link copyStream}. */
export interface CopyOptions {
  /**
   * Whether the target is ended after the source has ended.
   * @default true
   */
  readonly end?: boolean;
  /** Called with the size of each chunk. */
  readonly onBytes?: (count: number) => void;
}

/**
 * Copies a stream to another, with backpressure. Resolves when the source ends or fails, or the target closes. Never
 * rejects.
 */
export async function copyStream(
  source: Readable,
  target: Writable,
  { end = true, onBytes }: CopyOptions = {},
): Promise<void> {
  // Failures are reported by the exit of the process or the end of the session.
  const ignore = () => undefined;
  target.on("error", ignore);
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (target.destroyed) break;
      onBytes?.(chunk.byteLength);
      await writeTo(target, chunk);
    }
  } catch {
    // A source that failed counts as ended.
  }
  // A target that stays open may have many sources, and must not collect their listeners.
  if (!end) target.off("error", ignore);
  else if (!target.destroyed) target.end();
}

/** Bytes that went through the connections of a pod. */
export interface Traffic {
  /** Bytes from the client to the pod. */
  received: number;
  /** Bytes from the pod to the client. */
  sent: number;
}

/** Copies two connections to each other until both directions have ended. An error of one destroys both. */
export async function joinConnections(client: Duplex, pod: Duplex, traffic: Traffic): Promise<void> {
  const destroy = () => {
    client.destroy();
    pod.destroy();
  };
  client.once("error", destroy);
  pod.once("error", destroy);
  const countReceived = (count: number) => {
    traffic.received += count;
  };
  const countSent = (count: number) => {
    traffic.sent += count;
  };
  await Promise.all([
    copyStream(client, pod, { onBytes: countReceived }),
    copyStream(pod, client, { onBytes: countSent }),
  ]);
  await Promise.all([finished(client), finished(pod)]);
}

function finished(stream: Duplex): Promise<void> {
  if (stream.destroyed || stream.writableFinished) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("finish", resolve);
    stream.once("close", resolve);
  });
}
