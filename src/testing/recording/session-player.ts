import type { Duplex, Readable, Writable } from "node:stream";
import { CriError, criError } from "../../core/index.js";
import {
  type CommandContext,
  createStreamingServer,
  type PortForwardContext,
  type StreamingServer,
} from "../../server/index.js";
import { writeTo } from "../embedded/stream-copy.js";
import { chunkBytes, type SessionStep } from "./format.js";
import type { Exchange, RecordedSession } from "./read-recording.js";
import { callOfId, type UrlCall, urlOfCall } from "./url-calls.js";

/** A recorded call and its sessions that were not played yet. */
interface PlayedCall {
  readonly exchange: Exchange;
  readonly left: RecordedSession[];
}

/** Serves the sessions of a recording: sends the recorded output as soon as the input recorded before it has arrived. */
export class SessionPlayer {
  readonly #calls = new Map<number, PlayedCall>();
  readonly #onMismatch: (error: CriError) => void;
  #server: Promise<StreamingServer> | undefined;

  /** @param onMismatch is called when input differs from the recorded one */
  constructor(onMismatch: (error: CriError) => void) {
    this.#onMismatch = onMismatch;
  }

  /** Returns the URL of a call in place of the recorded one. Rejects with `not_recorded` for a call whose session is not in the recording. */
  async url(exchange: Exchange, call: UrlCall): Promise<string> {
    if (exchange.sessions.length === 0) {
      const hint = "Pass `sessions: true` to recording(), and use the URL while it records";
      const text = `the session of call ${exchange.number} was not recorded`;
      throw criError("not_recorded", text, { method: exchange.rpc, hint });
    }
    this.#server ??= createStreamingServer({
      exec: (context) => this.#command(context),
      attach: async (context) => void (await this.#command(context)),
      portForward: (context) => this.#portForward(context),
    });
    const server = await this.#server;
    this.#calls.set(exchange.number, { exchange, left: [...exchange.sessions] });
    return urlOfCall(server, exchange.number, call);
  }

  /** Ends the sessions. */
  async close(): Promise<void> {
    await (await this.#server)?.close();
  }

  #command({ containerId, stdin, stdout, stderr, signal }: CommandContext): Promise<number> {
    const session = this.#take(containerId);
    const input = new ExpectedInput(stdin);
    return this.#play(session, { stdin: input }, { stdout, stderr }, signal);
  }

  async #portForward({ podSandboxId, port, connection, signal }: PortForwardContext): Promise<void> {
    const session = this.#take(podSandboxId, port);
    await this.#play(session, { sent: new ExpectedInput(connection) }, { received: connection }, signal);
  }

  #take(id: string, port?: number): RecordedSession {
    const { exchange, left } = callOfId(this.#calls, id);
    const index = left.findIndex((session) => session.port === port);
    const [session] = index < 0 ? [] : left.splice(index, 1);
    if (session) return session;
    const which = port === undefined ? "session" : `connection to port ${port}`;
    const text = `call ${exchange.number} has no other ${which} in the recording`;
    throw this.#mismatch(criError("not_recorded", text, { method: exchange.rpc }));
  }

  async #play(
    { steps }: RecordedSession,
    inputs: Readonly<Record<string, ExpectedInput>>,
    outputs: Readonly<Record<string, Writable | Duplex | undefined>>,
    signal: AbortSignal,
  ): Promise<number> {
    for (const step of steps) {
      if (signal.aborted) break;
      if ("stream" in step) {
        const bytes = chunkBytes(step.data);
        const input = inputs[step.stream];
        if (input) await this.#expect(input, step, bytes);
        else await writeTo(outputs[step.stream], bytes);
      } else if ("closed" in step) outputs[step.closed]?.end();
      else if ("exitCode" in step) return step.exitCode;
      else if ("error" in step) throw errorOf(step);
      else if ("end" in step && step.end === "finished") return 0;
    }
    // The client left this session, or the recording ended during it.
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    return 0;
  }

  async #expect(input: ExpectedInput, { stream }: { readonly stream: string }, bytes: Buffer): Promise<void> {
    const received = await input.read(bytes.length);
    if (received.equals(bytes)) return;
    const text = `the input of ${stream} differs from the recording: recorded ${quoted(bytes)}, received ${quoted(received)}`;
    throw this.#mismatch(criError("not_recorded", text));
  }

  #mismatch(error: CriError): CriError {
    this.#onMismatch(error);
    return error;
  }
}

/** Reads the client's input in pieces of the recorded sizes. */
class ExpectedInput {
  readonly #chunks: AsyncIterator<Buffer> | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(input: Readable | undefined) {
    this.#chunks = input?.iterator({ destroyOnReturn: false });
  }

  /** Returns the next bytes; fewer if the input ends. */
  async read(length: number): Promise<Buffer> {
    while (this.#rest.length < length) {
      const next = await this.#chunks?.next();
      if (!next || next.done) break;
      this.#rest = Buffer.concat([this.#rest, next.value]);
    }
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }
}

function errorOf({ error }: Extract<SessionStep, { error: unknown }>): CriError {
  const { code, reason, message } = error;
  return new CriError({ code, reason, rawMessage: message });
}

function quoted(bytes: Buffer): string {
  const text = JSON.stringify(bytes.toString("utf8"));
  return text.length > 100 ? `${text.slice(0, 97)}... (${bytes.length} bytes)` : text;
}
