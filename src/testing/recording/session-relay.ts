import type { Readable, Writable } from "node:stream";
import { onAbort } from "../../core/index.js";
import {
  type AttachContext,
  type CommandContext,
  createStreamingServer,
  type ExecContext,
  type PortForwardContext,
  type StreamingServer,
} from "../../server/index.js";
import { attach, exec, type PortForward, portForward, type Session } from "../../streaming/index.js";
import { fromTransportError } from "../../transport/index.js";
import { writeTo } from "../embedded/stream-copy.js";
import type { SessionStream } from "./format.js";
import type { Recorder, SessionRecord } from "./recorder.js";
import { callOfId, type UrlCall, urlOfCall } from "./url-calls.js";

/** A call and the URL that the runtime returned for it. */
interface RelayedCall {
  readonly number: number;
  readonly url: string;
  /** The connections of a port-forward share it, as they share the URL. */
  forward?: PortForward;
}

/**
 * A streaming server between the client and the runtime's: it opens the runtime's sessions, and records the bytes in both
 * directions. Recording sessions instead of sockets makes recordings readable, and the same for SPDY and WebSocket.
 */
export class SessionRelay {
  readonly #recorder: Recorder;
  readonly #calls = new Map<number, RelayedCall>();
  #server: Promise<StreamingServer> | undefined;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** Returns the URL for the client in place of the runtime's. */
  async replaceUrl(number: number, call: UrlCall, url: string): Promise<string> {
    this.#server ??= createStreamingServer({
      exec: (context) => this.#exec(context),
      attach: (context) => this.#attach(context),
      portForward: (context) => this.#portForward(context),
    });
    const server = await this.#server;
    this.#calls.set(number, { number, url });
    return urlOfCall(server, number, call);
  }

  /** Ends the sessions. */
  async close(): Promise<void> {
    await (await this.#server)?.close();
    await Promise.all([...this.#calls.values()].map(({ forward }) => forward?.close()));
  }

  #exec(context: ExecContext): Promise<number> {
    const { number, url } = callOfId(this.#calls, context.containerId);
    return recorded(this.#recorder.session(number), async (record) => {
      const session = await exec(url, streamsOf(context));
      await relayCommand(context, session, record);
      const { exitCode } = await session.ended;
      record.exited(exitCode);
      return exitCode;
    });
  }

  #attach(context: AttachContext): Promise<void> {
    const { number, url } = callOfId(this.#calls, context.containerId);
    return recorded(this.#recorder.session(number), async (record) => {
      const session = await attach(url, streamsOf(context));
      await relayCommand(context, session, record);
      await session.ended;
      record.finished();
    });
  }

  #portForward({ podSandboxId, port, connection, signal }: PortForwardContext): Promise<void> {
    const call = callOfId(this.#calls, podSandboxId);
    return recorded(this.#recorder.session(call.number, port), async (record) => {
      call.forward ??= portForward(() => call.url);
      const toPod = await call.forward.connect(port, { signal });
      const removeCallback = onAbort(signal, () => toPod.destroy());
      try {
        await Promise.all([
          copy(connection, toPod, "sent", record),
          copy(toPod, connection, "received", record),
        ]);
        record.finished();
      } catch (error) {
        toPod.destroy();
        // The error of a connection that was destroyed above says nothing.
        throw signal.aborted ? signal.reason : error;
      } finally {
        removeCallback();
      }
    });
  }
}

/** Runs a session, and records its failure. */
async function recorded<T>(record: SessionRecord, run: (record: SessionRecord) => Promise<T>): Promise<T> {
  try {
    return await run(record);
  } catch (error) {
    record.failed(fromTransportError(error, {}));
    throw error;
  }
}

function streamsOf({ stdin, stdout, stderr, tty, signal }: CommandContext) {
  return {
    stdin: stdin !== undefined,
    stdout: stdout !== undefined,
    stderr: stderr !== undefined,
    tty,
    signal,
  };
}

/** Copies the streams of a command between the client and the runtime until its outputs have ended. */
async function relayCommand(context: CommandContext, session: Session, record: SessionRecord): Promise<void> {
  if (context.stdin && session.stdin)
    // Input that arrives after the command has ended is dropped, as every server does.
    copy(context.stdin, session.stdin, "stdin", record).catch(() => undefined);
  void resize(context, session, record);
  const outputs = (["stdout", "stderr"] as const).map(async (name) => {
    const [source, target] = [session[name], context[name]];
    if (source && target) await copy(source, target, name, record);
  });
  await Promise.all(outputs);
}

async function resize({ resize }: CommandContext, session: Session, record: SessionRecord): Promise<void> {
  for await (const size of resize) {
    record.resized(size);
    session.resize(size);
  }
}

/** Copies and records one direction. Rejects with the source's error. */
async function copy(
  source: Readable,
  target: Writable,
  stream: SessionStream,
  record: SessionRecord,
): Promise<void> {
  target.on("error", () => undefined);
  for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    record.data(stream, chunk);
    await writeTo(target, chunk);
  }
  record.closed(stream);
  if (!target.destroyed) target.end();
}
