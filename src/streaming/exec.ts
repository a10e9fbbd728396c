import { CancellationScope, checkArgument, isCriError } from "../core/index.js";
import { requestUrl, withStartTimeout } from "./connect.js";
import { dial } from "./dial.js";
import { stdinEndUnsupported } from "./errors.js";
import { resolveTimes, type StreamingTransport, type StreamingUrl, urlCheck } from "./options.js";
import { offeredNames } from "./protocols.js";
import { isTransportRefusal } from "./refusal.js";
import { RemoteCommand } from "./remote-command.js";
import type { TerminalSize } from "./resize.js";
import {
  type AttachSession,
  type ExecSession,
  planSession,
  type SessionOptions,
  sessionTable,
} from "./session.js";
import { upgradeToSpdy } from "./spdy/upgrade.js";
import { SpdyWire } from "./spdy/wire.js";
import { describeUrl } from "./url.js";
import { upgradeToWebSocket } from "./websocket/upgrade.js";
import { WebSocketWire } from "./websocket/wire.js";
import type { Wire } from "./wire.js";

/**
 * Opens the session of a command on a URL from CRI's Exec. The streams must be those of the `ExecRequest`.
 *
 * Resolves when the server has agreed to the session; `ended` reports a command that could not be started. Rejects with
 * {@link CriError}: `stream_url_spent`, `upgrade_refused`, `start_timeout`, `stdin_end_unsupported`, `connection_refused`,
 * `unreachable`, `deadline`, `aborted_by_caller`, `invalid_option`.
 */
export async function exec(url: StreamingUrl, options: SessionOptions = {}): Promise<ExecSession> {
  checkArgument("exec", "url", url, urlCheck);
  sessionTable.check("exec", options);
  return openSession(url, options);
}

/**
 * Opens a session on a URL from CRI's Attach: the output of the container from now on, and its input. The streams must be those of
 * the `AttachRequest`. Rejects as {@link exec} does.
 *
 * Read the output continuously, or close the session: a runtime copies a container's output at the pace of its slowest reader, so
 * a reader that pauses also stops the container and its log.
 */
export async function attach(url: StreamingUrl, options: SessionOptions = {}): Promise<AttachSession> {
  checkArgument("attach", "url", url, urlCheck);
  sessionTable.check("attach", options);
  return new AttachedCommand(await openSession(url, options));
}

async function openSession(source: StreamingUrl, options: SessionOptions): Promise<RemoteCommand> {
  const plan = planSession(options);
  const times = resolveTimes(options);
  const scope = new CancellationScope(times.timeoutMs, options.signal);
  try {
    const { wire, endpoint } = await openWire(source, options, times.connectTimeoutMs, scope);
    const endsInput = plan.channels.includes("stdin") && !plan.tty && !plan.keepStdinOpen;
    if (endsInput && !wire.canEndInput) {
      wire.destroy();
      throw stdinEndUnsupported(wire.protocol).with({ endpoint });
    }
    return new RemoteCommand(wire, { ...plan, ...times, endpoint }, scope);
  } catch (error) {
    scope.end();
    throw error;
  }
}

interface OpenedWire {
  readonly wire: Wire;
  readonly endpoint: string;
}

/** Opens a wire over the chosen transport; with `auto`, over WebSocket when the server refuses SPDY. */
async function openWire(
  source: StreamingUrl,
  options: SessionOptions,
  connectTimeoutMs: number,
  scope: CancellationScope,
): Promise<OpenedWire> {
  const { transport = "auto" } = options;
  const openOver = (one: StreamingTransport) => openWireOver(one, source, options, connectTimeoutMs, scope);
  if (transport !== "auto") return openOver(transport);
  try {
    return await openOver("spdy");
  } catch (error) {
    if (!isTransportRefusal(error)) throw error;
    try {
      return await openOver("websocket");
    } catch (second) {
      // A fixed URL is spent after the first attempt, so the first error is the useful one.
      throw isCriError(second) && second.reason === "stream_url_spent" ? error : second;
    }
  }
}

function openWireOver(
  transport: StreamingTransport,
  source: StreamingUrl,
  options: SessionOptions,
  connectTimeoutMs: number,
  outer: CancellationScope,
): Promise<OpenedWire> {
  return withStartTimeout(connectTimeoutMs, "accept the session", outer, async (scope) => {
    const url = await requestUrl(source, options, scope);
    const socket = await dial(url, options, scope);
    const { headers = {} } = options;
    const names = offeredNames(transport, "command");
    const wire =
      transport === "spdy"
        ? new SpdyWire(await upgradeToSpdy(socket, url, names, headers, scope))
        : new WebSocketWire(await upgradeToWebSocket(socket, url, names, headers, scope));
    return { wire, endpoint: describeUrl(url) };
  });
}

/** A session without an exit code: on attach, the status does not contain one. */
class AttachedCommand implements AttachSession {
  readonly ended: Promise<void>;
  readonly #command: RemoteCommand;

  constructor(command: RemoteCommand) {
    this.#command = command;
    this.ended = command.ended.then(() => undefined);
    this.ended.catch(() => undefined);
  }

  get stdin() {
    return this.#command.stdin;
  }

  get stdout() {
    return this.#command.stdout;
  }

  get stderr() {
    return this.#command.stderr;
  }

  get tty() {
    return this.#command.tty;
  }

  get transport() {
    return this.#command.transport;
  }

  get protocol() {
    return this.#command.protocol;
  }

  resize(size: TerminalSize): void {
    this.#command.resize(size);
  }

  close(): Promise<void> {
    return this.#command.close();
  }

  detach(): Promise<void> {
    return this.#command.detach();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
