import { StringDecoder } from "node:string_decoder";

/** Yields the lines of a streamed answer as they arrive, each of which is JSON; without empty ones. */
export async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  const decoder = new StringDecoder();
  let held = "";
  for await (const chunk of stream) {
    const parts = (held + decoder.write(chunk)).split("\n");
    held = parts.pop() ?? "";
    yield* parts.filter((line) => line.trim() !== "");
  }
  if (held.trim() !== "") yield held;
}
