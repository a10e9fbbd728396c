import assert from "node:assert/strict";
import type { Duplex, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { isCriError } from "../../src/core/index.js";
import type { CommandContext, StreamingHandlers, StreamingServer } from "../../src/server/index.js";
import { attach, exec, portForward, type StreamingTransport } from "../../src/streaming/index.js";
import { writeBytes } from "./support.js";

/** What a session moves, and how. */
export interface SessionShape {
  readonly transport: StreamingTransport;
  readonly kind: "exec" | "attach" | "isolated" | "pooled";
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly dial: (url: URL) => Duplex;
  /** The client gives up when it fires. */
  readonly signal: AbortSignal;
}

const exitCode = 42;
const times = { connectTimeoutMs: 3_000, startTimeoutMs: 3_000, exitGraceMs: 200, keepAliveMs: 5 };

/** Handlers that write as many bytes as they are told, and read all that they get; each run is kept in `runs`. */
export function countingHandlers(runs: Promise<unknown>[]): StreamingHandlers {
  const keep = <T>(run: Promise<T>): Promise<T> => {
    runs.push(run.catch(() => undefined));
    return run;
  };
  const move = async ({ stdin, stdout, stderr, containerId }: CommandContext) => {
    await Promise.all([
      stdout && writeBytes(stdout, Number(containerId), 9_999),
      stderr && writeBytes(stderr, Number(containerId) >> 2, 777),
      stdin && swallow(stdin),
    ]);
  };
  return {
    exec: (context) => keep(move(context).then(() => exitCode)),
    attach: (context) => keep(move(context)),
    portForward: ({ podSandboxId, connection }) =>
      keep(
        (async () => {
          connection.resume();
          await writeBytes(connection, Number(podSandboxId), 9_999);
          connection.end();
          await finished(connection, { readable: false });
        })(),
      ),
  };
}

/** Runs one session to its end, whatever that is. Fails where the end claims more than happened. */
export async function runSession(server: StreamingServer, shape: SessionShape): Promise<"whole" | "cut"> {
  try {
    if (shape.kind === "isolated" || shape.kind === "pooled") await forwardSession(server, shape, shape.kind);
    else await commandSession(server, shape);
    return "whole";
  } catch (error) {
    // An assertion is a failure of the test, everything else must be typed.
    if (error instanceof assert.AssertionError) throw error;
    assert.ok(isCriError(error), `no CriError: ${error}`);
    return "cut";
  }
}

async function commandSession(server: StreamingServer, shape: SessionShape): Promise<void> {
  const { transport, dial, signal, inputBytes, outputBytes, kind } = shape;
  const streams = { stdin: inputBytes > 0, stdout: true, stderr: outputBytes % 2 === 0 };
  const options = { ...streams, ...times, transport, dial, signal };
  const request = { containerId: String(outputBytes), ...streams };
  const session =
    kind === "exec"
      ? await exec(server.exec(request).url, options)
      : await attach(server.attach(request).url, options);
  const counts = [count(session.stdout), count(session.stderr)];
  const { stdin } = session;
  const writing =
    stdin &&
    writeBytes(stdin, inputBytes, 8_888).then(
      () => stdin.end(),
      () => undefined,
    );
  const end = "exit" in session ? session.exit : session.ended.then(() => undefined);
  const exit = await end;
  await writing;
  const [out, err] = await Promise.all(counts);
  if (exit) assert.equal(exit.exitCode, exitCode);
  assert.equal(out, outputBytes, "a good end with output missing");
  if (streams.stderr) assert.equal(err, outputBytes >> 2, "a good end with error output missing");
  await session.close();
}

async function forwardSession(
  server: StreamingServer,
  shape: SessionShape,
  mode: "isolated" | "pooled",
): Promise<void> {
  const { transport, dial, signal, inputBytes, outputBytes } = shape;
  const podSandboxId = String(outputBytes);
  const forward = portForward((port) => server.portForward({ podSandboxId, port: [port] }).url, {
    ...times,
    dial,
    signal,
    mode,
    transport: mode === "pooled" ? "spdy" : transport,
  });
  try {
    const connection = await forward.connect(80);
    const counted = count(connection);
    const writing = writeBytes(connection, inputBytes, 8_888).catch(() => undefined);
    await finished(connection, { writable: false });
    if (connection.readableEnded) assert.equal(await counted, outputBytes, "a good end with bytes missing");
    connection.destroy();
    await writing;
  } finally {
    await forward.close();
  }
}

/** How many bytes came until the end, whatever end that was. */
async function count(stream: Readable | undefined): Promise<number> {
  let bytes = 0;
  stream?.on("data", (part: Buffer) => {
    bytes += part.byteLength;
  });
  if (stream) await finished(stream, { writable: false }).catch(() => undefined);
  return bytes;
}

async function swallow(stream: Readable): Promise<void> {
  stream.resume();
  await finished(stream).catch(() => undefined);
}
