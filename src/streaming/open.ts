import { CriError, isCriError, Lifeline } from "../core/index.js";
import type { SessionOptions } from "./command.js";
import { dial } from "./dial.js";
import { startTimeout } from "./errors.js";
import { resolveTimes, type StreamingOptions, type StreamingUrl } from "./options.js";
import { stdinEndUnsupported } from "./outcomes.js";
import { RemoteCommand } from "./session.js";
import { planSession } from "./session-plan.js";
import { commandProtocols, SpdyWire } from "./spdy/wire.js";
import { mayAgreeOtherwise, upgradeToSpdy } from "./upgrade.js";
import { describeUrl, resolveUrl } from "./url.js";
import { openWebSocket } from "./websocket/open.js";
import { commandSubprotocols, WebSocketWire } from "./websocket/wire.js";
import type { Wire } from "./wire.js";

/** Opens a remote command's session on a streaming URL. Rejects with {@link CriError}; then nothing is left open. */
export async function openSession(source: StreamingUrl, options: SessionOptions): Promise<RemoteCommand> {
  const plan = planSession(options);
  const times = resolveTimes(options);
  const lifeline = new Lifeline(times.timeoutMs, options.signal);
  try {
    const { wire, endpoint } = await connectWire(source, options, times.connectTimeoutMs, lifeline);
    const needsEnd = plan.channels.includes("stdin") && !plan.tty && !plan.keepStdinOpen;
    if (needsEnd && !wire.canEndInput) {
      wire.destroy();
      throw stdinEndUnsupported(wire.protocol).with({ endpoint });
    }
    return new RemoteCommand(wire, { ...plan, ...times, endpoint }, lifeline);
  } catch (error) {
    lifeline.end();
    throw error;
  }
}

/** A wire by the wanted transport; by WebSocket where it may be and SPDY was refused. */
async function connectWire(
  source: StreamingUrl,
  options: SessionOptions,
  connectTimeoutMs: number,
  lifeline: Lifeline,
): Promise<{ readonly wire: Wire; readonly endpoint: string }> {
  const { transport = "auto" } = options;
  const by = (one: "spdy" | "websocket") => connectBy(one, source, options, connectTimeoutMs, lifeline);
  if (transport !== "auto") return by(transport);
  try {
    return await by("spdy");
  } catch (error) {
    if (!mayAgreeOtherwise(error)) throw error;
    try {
      return await by("websocket");
    } catch (second) {
      // A URL that cannot be asked for anew is spent by now, which says nothing.
      throw isCriError(second) && second.reason === "stream_url_spent" ? error : second;
    }
  }
}

async function connectBy(
  transport: "spdy" | "websocket",
  source: StreamingUrl,
  options: SessionOptions,
  connectTimeoutMs: number,
  lifeline: Lifeline,
): Promise<{ readonly wire: Wire; readonly endpoint: string }> {
  return withinTime(connectTimeoutMs, "agree to the session", lifeline, async (within) => {
    const url = await urlOf(source, options, within);
    const endpoint = describeUrl(url);
    const { headers = {} } = options;
    const socket = await dial(url, options, within);
    if (transport === "spdy")
      return {
        wire: new SpdyWire(await upgradeToSpdy(socket, url, commandProtocols, headers, within)),
        endpoint,
      };
    return {
      wire: new WebSocketWire(await openWebSocket(socket, url, commandSubprotocols, headers, within)),
      endpoint,
    };
  });
}

/** The URL that a source gives. A source that fails with an error of its own is `unavailable`. */
export async function urlOf(
  source: StreamingUrl,
  options: Pick<StreamingOptions, "baseUrl" | "rewriteUrl">,
  lifeline: Lifeline,
): Promise<URL> {
  return resolveUrl(typeof source === "string" ? source : await lifeline.race(asked(source)), options);
}

async function asked(source: Exclude<StreamingUrl, string>): Promise<string> {
  try {
    return await source();
  } catch (cause) {
    if (isCriError(cause)) throw cause;
    const text = `no streaming URL was given: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CriError({ code: "unavailable", reason: "unreachable", text, cause });
  }
}

/** Runs `work` with a lifeline that also ends after `ms`, with `start_timeout`. */
export async function withinTime<T>(
  ms: number,
  what: string,
  outer: Lifeline,
  work: (lifeline: Lifeline) => Promise<T>,
): Promise<T> {
  const inner = new Lifeline(undefined, undefined);
  const timer = setTimeout(() => inner.stop(startTimeout(what, ms)), ms);
  outer.onStop({ cancel: (error) => inner.stop(error) });
  try {
    if (outer.stopped) throw outer.stopped;
    return await work(inner);
  } finally {
    clearTimeout(timer);
    outer.onStop(undefined);
    inner.end();
  }
}
