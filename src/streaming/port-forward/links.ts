import { CancellationScope, type CriError, invalidOption } from "../../core/index.js";
import { requestUrl, withStartTimeout } from "../connect.js";
import { dial } from "../dial.js";
import type { StreamingTimes, UrlRequestOptions } from "../options.js";
import { offeredNames } from "../protocols.js";
import { isTransportRefusal } from "../refusal.js";
import { upgradeToSpdy } from "../spdy/upgrade.js";
import { describeUrl } from "../url.js";
import { upgradeToWebSocket } from "../websocket/upgrade.js";
import type { Link } from "./connection.js";
import type { PortForwardOptions } from "./options.js";
import { ForwardSession } from "./spdy-link.js";
import { WebSocketLink } from "./websocket-link.js";

/** Requests a URL of CRI's PortForward for one port. */
export type ForwardSource = (port: number, options: UrlRequestOptions) => string | Promise<string>;

/** A link with the endpoint for its errors. */
export interface OpenedLink {
  readonly link: Link;
  readonly endpoint: string;
}

interface OpenedSession {
  readonly session: ForwardSession;
  readonly endpoint: string;
}

/** Opens links: each on its own session (`isolated`), or all on a shared one (`pooled`). */
export class LinkOpener {
  readonly #source: ForwardSource;
  readonly #options: PortForwardOptions;
  readonly #times: StreamingTimes;
  /** The shared session. Calls that need it while it is being opened wait for the same one. */
  #shared: Promise<OpenedSession> | undefined;
  /** The scope of the shared session's opening. A caller's own deadline does not apply, since other callers share the session. */
  readonly #sharedScope = new CancellationScope(undefined, undefined);

  constructor(source: ForwardSource, options: PortForwardOptions, times: StreamingTimes) {
    const { mode = "isolated", transport = "auto" } = options;
    if (mode === "pooled" && transport === "websocket")
      throw invalidOption(
        "mode",
        mode,
        "requires SPDY: a WebSocket carries only the ports of its own PortForward request",
      );
    this.#source = source;
    this.#options = options;
    this.#times = times;
  }

  async open(port: number, scope: CancellationScope): Promise<OpenedLink> {
    const { mode = "isolated", transport = "auto", halfClose = false } = this.#options;
    if (mode === "pooled") return this.#openPooled(port, scope);
    if (transport === "websocket") return this.#openWebSocket(port, scope);
    try {
      const { session, endpoint } = await this.#openSpdy(port, scope);
      const link = session.open(port, halfClose, (end) =>
        end === "ended" ? session.finish() : session.destroy(),
      );
      return { link, endpoint };
    } catch (error) {
      if (transport === "spdy" || !isTransportRefusal(error)) throw error;
      return this.#openWebSocket(port, scope);
    }
  }

  /** Ends the shared session, or its opening. Isolated sessions end with their connections. */
  async close(error: CriError): Promise<void> {
    this.#sharedScope.stop(error);
    const shared = await this.#shared?.catch(() => undefined);
    shared?.session.destroy();
  }

  async #openPooled(port: number, scope: CancellationScope): Promise<OpenedLink> {
    const { session, endpoint } = await scope.race(this.#sharedSession(port));
    // The connections keep the process alive, an idle session does not.
    session.keepProcess(true);
    const { halfClose = false } = this.#options;
    const onClosed = () => session.size === 0 && session.keepProcess(false);
    return { link: session.open(port, halfClose, onClosed), endpoint };
  }

  async #sharedSession(port: number): Promise<OpenedSession> {
    for (let shared = this.#shared; shared; shared = this.#shared) {
      // Callers that wait for the same session also share its failure.
      const current = await shared;
      if (current.session.usable) return current;
      if (this.#shared === shared) break;
    }
    const opened = this.#openSpdy(port, this.#sharedScope);
    this.#shared = opened;
    opened.catch(() => {
      if (this.#shared === opened) this.#shared = undefined;
    });
    return opened;
  }

  #openSpdy(port: number, outer: CancellationScope): Promise<OpenedSession> {
    const { headers = {} } = this.#options;
    return this.#connect(outer, async (scope) => {
      const url = await requestUrl((options) => this.#source(port, options), this.#options, scope);
      const socket = await dial(url, this.#options, scope);
      const upgraded = await upgradeToSpdy(socket, url, offeredNames("spdy", "portforward"), headers, scope);
      return { session: new ForwardSession(upgraded, this.#times.keepAliveMs), endpoint: describeUrl(url) };
    });
  }

  #openWebSocket(port: number, outer: CancellationScope): Promise<OpenedLink> {
    const { headers = {} } = this.#options;
    return this.#connect(outer, async (scope) => {
      const url = await requestUrl((options) => this.#source(port, options), this.#options, scope);
      const socket = await dial(url, this.#options, scope);
      const names = offeredNames("websocket", "portforward");
      const webSocket = await upgradeToWebSocket(socket, url, names, headers, scope);
      return { link: new WebSocketLink(webSocket, socket), endpoint: describeUrl(url) };
    });
  }

  #connect<T>(outer: CancellationScope, work: (scope: CancellationScope) => Promise<T>): Promise<T> {
    return withStartTimeout(this.#times.connectTimeoutMs, "accept the port-forward", outer, work);
  }
}
