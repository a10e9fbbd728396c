import { type CriError, invalidOption, Lifeline } from "../../core/index.js";
import { dial } from "../dial.js";
import { urlOf, withinTime } from "../open.js";
import type { StreamingTimes } from "../options.js";
import { mayAgreeOtherwise, upgradeToSpdy } from "../upgrade.js";
import { describeUrl } from "../url.js";
import { openWebSocket } from "../websocket/open.js";
import type { Link } from "./link.js";
import type { PortForwardOptions } from "./options.js";
import { ForwardSession, forwardProtocol } from "./spdy-link.js";
import { forwardSubprotocols, WebSocketLink } from "./websocket-link.js";

/** Gets a URL of CRI's PortForward for one port. */
export type ForwardSource = (port: number) => string | Promise<string>;

/** A link, and what errors call its endpoint. */
export interface OpenedLink {
  readonly link: Link;
  readonly endpoint: string;
}

interface OpenedSession {
  readonly session: ForwardSession;
  readonly endpoint: string;
}

/** Opens links: each on a session of its own, or all on a shared one. */
export class LinkOpener {
  readonly #source: ForwardSource;
  readonly #options: PortForwardOptions;
  readonly #times: StreamingTimes;
  /** The shared session; calls that need it while it is opened wait for the same one. */
  #shared: Promise<OpenedSession> | undefined;
  /** What bounds the opening of the shared session. No caller's deadline does: the session is everybody's. */
  readonly #sharedLife = new Lifeline(undefined, undefined);

  constructor(source: ForwardSource, options: PortForwardOptions, times: StreamingTimes) {
    const { mode = "isolated", transport = "auto" } = options;
    if (mode === "pooled" && transport === "websocket")
      throw invalidOption(
        "mode",
        mode,
        "needs SPDY: a WebSocket carries the ports that its URL was asked for",
      );
    this.#source = source;
    this.#options = options;
    this.#times = times;
  }

  async open(port: number, lifeline: Lifeline): Promise<OpenedLink> {
    const { mode = "isolated", transport = "auto", halfClose = false } = this.#options;
    if (mode === "pooled") return this.#pooled(port, lifeline);
    if (transport === "websocket") return this.#webSocket(port, lifeline);
    try {
      const { session, endpoint } = await this.#spdy(port, lifeline);
      return {
        link: session.open(port, halfClose, (end) =>
          end === "ended" ? session.finish() : session.destroy(),
        ),
        endpoint,
      };
    } catch (error) {
      if (transport === "spdy" || !mayAgreeOtherwise(error)) throw error;
      return this.#webSocket(port, lifeline);
    }
  }

  /** Ends the shared session, or the opening of it. Isolated ones end with their connections. */
  async close(why: CriError): Promise<void> {
    this.#sharedLife.stop(why);
    const shared = await this.#shared?.catch(() => undefined);
    shared?.session.destroy();
  }

  async #pooled(port: number, lifeline: Lifeline): Promise<OpenedLink> {
    const { session, endpoint } = await lifeline.race(this.#sharedSession(port));
    // An idle session does not keep the process alive; its connections do.
    session.keepProcess(true);
    const { halfClose = false } = this.#options;
    const onOver = () => session.size === 0 && session.keepProcess(false);
    return { link: session.open(port, halfClose, onOver), endpoint };
  }

  async #sharedSession(port: number): Promise<OpenedSession> {
    for (let shared = this.#shared; shared; shared = this.#shared) {
      // Whoever waits for the same session shares its failure, too.
      const current = await shared;
      if (current.session.usable) return current;
      if (this.#shared === shared) break;
    }
    const opened = this.#spdy(port, this.#sharedLife);
    this.#shared = opened;
    opened.catch(() => {
      if (this.#shared === opened) this.#shared = undefined;
    });
    return opened;
  }

  #spdy(port: number, lifeline: Lifeline): Promise<OpenedSession> {
    const { headers = {} } = this.#options;
    return this.#connecting(lifeline, async (within) => {
      const url = await urlOf(() => this.#source(port), this.#options, within);
      const socket = await dial(url, this.#options, within);
      const upgraded = await upgradeToSpdy(socket, url, [forwardProtocol], headers, within);
      return { session: new ForwardSession(upgraded, this.#times.keepAliveMs), endpoint: describeUrl(url) };
    });
  }

  #webSocket(port: number, lifeline: Lifeline): Promise<OpenedLink> {
    const { headers = {} } = this.#options;
    return this.#connecting(lifeline, async (within) => {
      const url = await urlOf(() => this.#source(port), this.#options, within);
      const socket = await dial(url, this.#options, within);
      const webSocket = await openWebSocket(socket, url, forwardSubprotocols, headers, within);
      return { link: new WebSocketLink(webSocket, socket), endpoint: describeUrl(url) };
    });
  }

  #connecting<T>(lifeline: Lifeline, work: (within: Lifeline) => Promise<T>): Promise<T> {
    return withinTime(this.#times.connectTimeoutMs, "agree to the port-forward", lifeline, work);
  }
}
