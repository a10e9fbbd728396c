import type { Readable } from "node:stream";
import type { ExecSession } from "../../streaming/index.js";

/** Reads a stream to its end, as text. */
export async function textOf(stream: Readable | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString("utf8");
}

/** Reads a session to its end: both outputs and the exit code. */
export async function endOf(session: ExecSession) {
  const [stdout, stderr, { exitCode }] = await Promise.all([
    textOf(session.stdout),
    textOf(session.stderr),
    session.ended,
  ]);
  return { stdout, stderr, exitCode };
}

/** Collects a stream's text in the background. */
export function collectText(stream: Readable | undefined): { readonly text: string } {
  const collected = { text: "" };
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => {
    collected.text += chunk;
  });
  // The session's promise reports the failure.
  stream?.on("error", () => undefined);
  return collected;
}

/** Reads at least so many bytes of a stream. Rejects if it ends earlier. */
export async function take(stream: Readable, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Without this option, leaving the loop would destroy the stream, which may be read further.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).byteLength;
    if (size >= bytes) break;
  }
  if (size < bytes) throw new Error(`the stream ended after ${size} of ${bytes} bytes`);
  return Buffer.concat(chunks);
}
