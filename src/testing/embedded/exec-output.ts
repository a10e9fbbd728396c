import type { Readable } from "node:stream";
import { criError } from "../../core/index.js";
import type { DriverProcess } from "./driver.js";
import type { Profile } from "./profile.js";

/** The limit of each output of ExecSync in containerd, and of the log in which CRI-O collects both outputs. */
const limitBytes = 16 * 2 ** 20;

/** The outputs of a command. */
export interface CommandOutputs {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Reads all output of a command. Returns a function that returns it, or throws `runtime_limit` if the profile's runtime refuses outputs that
 * are so large. Kills the command then.
 */
export async function collectOutputs(
  { execOutput }: Pick<Profile, "execOutput">,
  { stdout, stderr }: DriverProcess,
  kill: () => void,
): Promise<() => CommandOutputs> {
  const log = new OutputLog();
  const isCut = execOutput === "cut";
  const collect = (output: Readable | undefined) =>
    isCut ? collectCut(output, log) : collectAll(output, kill);
  const [out, err] = await Promise.all([collect(stdout), collect(stderr)]);
  return () => {
    if (out && err) return { stdout: out, stderr: err };
    const text = `trying to send message larger than max (more than ${limitBytes} bytes of output)`;
    throw criError("runtime_limit", text);
  };
}

/** Collects an output; resolves with undefined, after killing the command, when it exceeds the limit. */
async function collectAll(output: Readable | undefined, kill: () => void): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of (output ?? []) as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > limitBytes) kill();
    else chunks.push(chunk);
  }
  return bytes > limitBytes ? undefined : Buffer.concat(chunks);
}

/** Collects what the log holds of an output. The command continues, and the rest of its output is dropped. */
async function collectCut(output: Readable | undefined, log: OutputLog): Promise<Buffer> {
  const kept: Buffer[] = [];
  for await (const chunk of (output ?? []) as AsyncIterable<Buffer>)
    for (let at = 0; at < chunk.length; at += readBytes) {
      const read = chunk.subarray(at, at + readBytes);
      kept.push(read.subarray(0, log.write(read)));
    }
  return Buffer.concat(kept);
}

/** The largest read of CRI-O's monitor, which begins a new record after each. */
const readBytes = 8_192;
/** The time, the stream and the tag before each record. */
const prefixBytes = 45;

/** The log in which CRI-O collects the outputs of a command: a record for each line, or part of a line. */
class OutputLog {
  #left = limitBytes;

  /** Adds one read. Returns how many of its bytes the log holds. */
  write(read: Buffer): number {
    let held = 0;
    while (held < read.length && this.#left > prefixBytes) {
      const newline = read.indexOf(10, held);
      const bytes = (newline < 0 ? read.length : newline + 1) - held;
      held += Math.min(bytes, this.#left - prefixBytes);
      // A part of a line has a newline of its own.
      this.#left -= prefixBytes + bytes + (newline < 0 ? 1 : 0);
    }
    return held;
  }
}
