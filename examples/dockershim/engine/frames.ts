// The frames in which the engine sends stdout and stderr on one connection: one byte for the stream, three of padding, and the
// length of the content as a big-endian number of four bytes.
import type { Readable, Writable } from "node:stream";

const headerBytes = 8;

/** Copies the output of a command without a terminal to its two streams, with back-pressure. Resolves at its end. */
export async function copyFrames(
  from: Readable,
  outputs: { readonly stdout?: Writable | undefined; readonly stderr?: Writable | undefined },
): Promise<void> {
  let held: Buffer = Buffer.alloc(0);
  let frame: { output: Writable | undefined; left: number } | undefined;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    held = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
    for (;;) {
      if (!frame) {
        if (held.length < headerBytes) break;
        frame = { output: held[0] === 2 ? outputs.stderr : outputs.stdout, left: held.readUInt32BE(4) };
        held = held.subarray(headerBytes);
      }
      if (held.length === 0 && frame.left > 0) break;
      const content = held.subarray(0, frame.left);
      held = held.subarray(content.length);
      frame.left -= content.length;
      await write(frame.output, content);
      if (frame.left > 0) break;
      frame = undefined;
    }
  }
}

/** Copies the output of a terminal, which has no frames, with back-pressure. Resolves at its end. */
export async function copyRaw(from: Readable, output: Writable | undefined): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) await write(output, chunk);
}

/** Writes and waits for the reader. Output for a stream that is missing or destroyed is dropped: the container must not wait for it. */
async function write(output: Writable | undefined, content: Buffer): Promise<void> {
  if (!output || output.destroyed || output.writableEnded || content.length === 0) return;
  if (output.write(content)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      output.off("drain", done).off("close", done).off("error", done);
      resolve();
    };
    output.on("drain", done).on("close", done).on("error", done);
  });
}
