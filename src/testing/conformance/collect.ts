import type { Readable } from "node:stream";
import type { ExecSession } from "../../streaming/index.js";

/** All of a stream, as text. */
export async function textOf(stream: Readable | undefined): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream ?? []) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString("utf8");
}

/** All of a session: its two outputs, and the code that the command ended with. */
export async function endOf(session: ExecSession) {
  const [stdout, stderr, { exitCode }] = await Promise.all([
    textOf(session.stdout),
    textOf(session.stderr),
    session.exit,
  ]);
  return { stdout, stderr, exitCode };
}

/** What a stream has brought so far; it goes on being read. */
export function growing(stream: Readable | undefined): { readonly text: string } {
  const seen = { text: "" };
  stream?.setEncoding("utf8");
  stream?.on("data", (part: string) => {
    seen.text += part;
  });
  // Whoever waits for the session is told of its failure.
  stream?.on("error", () => undefined);
  return seen;
}

/** The next so many bytes of a stream. Rejects when it ends before. */
export async function take(stream: Readable, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  // Leaving a loop over a stream destroys it, and more may be wanted of this one.
  for await (const part of stream.iterator({ destroyOnReturn: false })) {
    parts.push(part as Buffer);
    size += (part as Buffer).byteLength;
    if (size >= bytes) break;
  }
  if (size < bytes) throw new Error(`the stream ended after ${size} of ${bytes} bytes`);
  return Buffer.concat(parts);
}
