import { once } from "node:events";
import type { ExecSession } from "../../streaming/index.js";

/** What was sent, and what broke the sending. */
export interface Sent {
  readonly bytes: number;
  readonly error: unknown;
}

/** Sends what a source yields as a command's input, and its end; until it is stopped. Never rejects. */
export async function send(
  source: AsyncIterable<Uint8Array>,
  { stdin }: ExecSession,
  stop: AbortSignal,
): Promise<Sent> {
  let bytes = 0;
  try {
    for await (const chunk of source) {
      if (stop.aborted || !stdin || stdin.destroyed) break;
      bytes += chunk.byteLength;
      if (!stdin.write(chunk)) await once(stdin, "drain", { signal: stop });
    }
    return { bytes, error: undefined };
  } catch (error) {
    return { bytes, error: stop.aborted ? undefined : error };
  } finally {
    stdin?.end();
  }
}
