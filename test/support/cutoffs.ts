import assert from "node:assert/strict";
import { connect } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type { TestContext } from "node:test";
import { isCriError } from "../../src/core/index.js";
import type { CommandContext, StreamingHandlers, StreamingServer } from "../../src/server/index.js";
import { attach, exec, portForward, type StreamingTransport } from "../../src/streaming/index.js";
import { duplexPair } from "./duplex-pair.js";
import { SeededRandom } from "./random.js";
import { serve, writeBytes } from "./streaming-server.js";
import { until, within } from "./waiting.js";

const concurrency = 10;
const settleMs = 10_000;
const maxBytes = 300_000;
const exitCode = 42;
const clientOptions = { connectTimeoutMs: 3_000, startTimeoutMs: 3_000, exitGraceMs: 200, keepAliveMs: 5 };

/** What a session transfers, and where and when its connection is cut. */
interface Plan {
  readonly kind: "exec" | "attach" | "isolated port-forward" | "pooled port-forward";
  readonly transport: StreamingTransport;
  readonly connection: "tcp" | "memory";
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly cutBy: "client" | "server" | "network";
  /** In both directions together; infinite for a session that is not cut. */
  readonly cutAfterBytes: number;
}

type Outcome = "complete" | "cut";

/**
 * Runs sessions whose connections are cut after a random number of bytes. Each must end in time: completely, with all
 * bytes and the exit code, or with a CriError. Afterwards no handler runs and the server has no session.
 */
export async function checkCutoffs(t: TestContext, sessionCount: number): Promise<void> {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const handlerRuns: Promise<unknown>[] = [];
  const { server } = await serve(t, byteHandlers(handlerRuns), { streamTimeoutMs: 2_000 });
  const counts = { complete: 0, cut: 0 };
  const runOne = async () => {
    const plan = randomPlan(random);
    const outcome = await within(settleMs, runSession(server, plan), JSON.stringify(plan));
    counts[outcome]++;
  };

  for (let started = 0; started < sessionCount; started += concurrency)
    await Promise.all(Array.from({ length: concurrency }, runOne));

  await within(settleMs, Promise.all(handlerRuns), "the handlers");
  await until(() => server.sessions === 0, "the server has no session", settleMs);
  t.diagnostic(`${counts.complete} complete, ${counts.cut} cut, ${handlerRuns.length} handlers`);
  // Without many of both, the test proves nothing.
  assert.ok(counts.complete > sessionCount / 20 && counts.cut > sessionCount / 5, JSON.stringify(counts));
}

function randomPlan(random: SeededRandom): Plan {
  const isCut = random.next() < 0.8;
  return {
    kind: random.of("exec", "attach", "isolated port-forward", "pooled port-forward"),
    transport: random.of("spdy", "websocket"),
    connection: random.of("tcp", "memory"),
    inputBytes: random.of(0, random.size(maxBytes)),
    outputBytes: random.size(maxBytes),
    cutBy: random.of("client", "server", "network"),
    cutAfterBytes: isCut ? random.size(2 * maxBytes) : Number.POSITIVE_INFINITY,
  };
}

/** Runs one session to its end. An incomplete session must have failed with a CriError. */
async function runSession(server: StreamingServer, plan: Plan): Promise<Outcome> {
  const controller = new AbortController();
  const { signal } = controller;
  const dial = () => dialWithCut(server, plan, () => controller.abort());
  try {
    if (plan.kind === "exec" || plan.kind === "attach") await runCommand(server, plan, { dial, signal });
    else await forwardPort(server, plan, { dial, signal });
    return "complete";
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    assert.ok(isCriError(error), `not a CriError: ${error}`);
    return "cut";
  }
}

interface Connecting {
  readonly dial: () => Duplex;
  readonly signal: AbortSignal;
}

/** Fails with an AssertionError if the session reports success although bytes are missing. */
async function runCommand(server: StreamingServer, plan: Plan, connecting: Connecting): Promise<void> {
  const { kind, transport, inputBytes, outputBytes } = plan;
  const streams = { stdin: inputBytes > 0, stdout: true, stderr: outputBytes % 2 === 0 };
  const request = { containerId: String(outputBytes), ...streams };
  const options = { ...clientOptions, ...streams, ...connecting, transport };
  const session =
    kind === "exec"
      ? await exec(server.exec(request).url, options)
      : await attach(server.attach(request).url, options);
  const counted = Promise.all([countBytes(session.stdout), countBytes(session.stderr)]);
  const { stdin } = session;
  const written = stdin && ignoreErrors(writeBytes(stdin, inputBytes, 8_888).then(() => stdin.end()));

  const exit = await session.ended;
  await written;
  const [stdoutBytes, stderrBytes] = await counted;
  if (kind === "exec") assert.equal(exit?.exitCode, exitCode);
  assert.equal(stdoutBytes, outputBytes, "the session succeeded without all of its output");
  if (streams.stderr) assert.equal(stderrBytes, stderrBytesFor(outputBytes), "error output is missing");
  await session.close();
}

/** Fails with an AssertionError if the connection ends normally although bytes are missing. */
async function forwardPort(server: StreamingServer, plan: Plan, connecting: Connecting): Promise<void> {
  const { kind, inputBytes, outputBytes } = plan;
  const pooled = kind === "pooled port-forward";
  const request = { podSandboxId: String(outputBytes) };
  const forward = portForward((port) => server.portForward({ ...request, port: [port] }).url, {
    ...clientOptions,
    ...connecting,
    mode: pooled ? "pooled" : "isolated",
    transport: pooled ? "spdy" : plan.transport,
  });
  try {
    const connection = await forward.connect(80);
    const counted = countBytes(connection);
    const written = ignoreErrors(writeBytes(connection, inputBytes, 8_888));
    await finished(connection, { writable: false });
    if (connection.readableEnded)
      assert.equal(await counted, outputBytes, "the connection ended normally without all of its bytes");
    connection.destroy();
    await written;
  } finally {
    await forward.close();
  }
}

/** Handlers that read all input and write as many bytes as the id in the request says; `runs` receives each run. */
function byteHandlers(runs: Promise<unknown>[]): StreamingHandlers {
  const track = <T>(run: Promise<T>): Promise<T> => {
    runs.push(ignoreErrors(run));
    return run;
  };
  const command = async ({ stdin, stdout, stderr, containerId }: CommandContext) => {
    const bytes = Number(containerId);
    await Promise.all([
      stdout && writeBytes(stdout, bytes, 9_999),
      stderr && writeBytes(stderr, stderrBytesFor(bytes), 777),
      stdin && ignoreErrors(finished(stdin.resume())),
    ]);
    return exitCode;
  };
  const connection = async (podSandboxId: string, connection: Duplex) => {
    connection.resume();
    await writeBytes(connection, Number(podSandboxId), 9_999);
    connection.end();
    await finished(connection, { readable: false });
  };
  return {
    exec: (context) => track(command(context)),
    attach: (context) => track(command(context).then(() => undefined)),
    portForward: (context) => track(connection(context.podSandboxId, context.connection)),
  };
}

function stderrBytesFor(stdoutBytes: number): number {
  return stdoutBytes >> 2;
}

/** A client's connection to the server, through a relay that makes one of the three cut it. */
function dialWithCut(server: StreamingServer, plan: Plan, abortClient: () => void): Duplex {
  const [client, clientSide] = duplexPair();
  const serverSide = plan.connection === "tcp" ? dialTcp(server) : dialMemory(server);
  const cuts = {
    client: abortClient,
    server: () => serverSide.destroy(),
    network: () => {
      clientSide.destroy();
      serverSide.destroy();
    },
  };
  relay(clientSide, serverSide, plan.cutAfterBytes, cuts[plan.cutBy]);
  return client;
}

function dialTcp(server: StreamingServer): Duplex {
  return connect({ host: "127.0.0.1", port: Number(new URL(server.baseUrl).port) });
}

function dialMemory(server: StreamingServer): Duplex {
  const [near, far] = duplexPair();
  server.handleConnection(far);
  return near;
}

/** Joins two connections, and calls `cut` between two bytes: after exactly `cutAfterBytes` in both directions. */
function relay(left: Duplex, right: Duplex, cutAfterBytes: number, cut: () => void): void {
  let passedBytes = 0;
  const destroyBoth = () => {
    left.destroy();
    right.destroy();
  };
  const connectOneWay = (from: Duplex, to: Duplex) => {
    const pass = (part: Buffer) => {
      if (part.byteLength === 0 || to.write(part)) return;
      from.pause();
      to.once("drain", () => from.resume());
    };
    from.on("data", (part: Buffer) => {
      const rest = cutAfterBytes - passedBytes;
      passedBytes += part.byteLength;
      if (rest <= 0 || rest > part.byteLength) return pass(part);
      pass(part.subarray(0, rest));
      cut();
      // Lost if the network was cut. After a cut by the client or the server, its last words pass.
      if (!to.destroyed) pass(part.subarray(rest));
    });
    from.on("end", () => to.end());
    from.on("error", destroyBoth);
    from.on("close", () => setImmediate(destroyBoth));
  };
  connectOneWay(left, right);
  connectOneWay(right, left);
}

/** The number of bytes until the stream ends or fails. */
async function countBytes(stream: Readable | undefined): Promise<number> {
  let bytes = 0;
  stream?.on("data", (part: Buffer) => {
    bytes += part.byteLength;
  });
  if (stream) await ignoreErrors(finished(stream, { writable: false }));
  return bytes;
}

async function ignoreErrors(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}
