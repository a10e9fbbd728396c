// Who may use the console: a browser that opened a link which this process printed, and only pages of the console itself.
import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** A response with an error: its status, and the text that the page shows. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The header of requests that change something. A form of another site cannot send it. */
export const changeHeader = "x-cri-console";

const closedText =
  "This browser has not opened the console. Open the link that the console printed on its terminal; each link works once, " +
  "and Enter on that terminal prints another one.";

/** The links that were not opened yet, and the sessions of the browsers that opened one. Only hashes are kept. */
export class Access {
  readonly #links = new Set<string>();
  readonly #sessions = new Set<string>();
  #cookieName = "cri-console";

  /** Browsers send cookies to all ports of a host, so each console has a name of its own. */
  setPort(port: number): void {
    this.#cookieName = `cri-console-${port}`;
  }

  /** Returns the token of a new link, which works once. */
  newToken(): string {
    const token = randomBytes(32).toString("base64url");
    this.#links.add(hash(token));
    return token;
  }

  /** Returns the cookie of a new session. Throws {@link HttpError}: the same one for an unknown token and for one that was used. */
  open(token: string | null): string {
    if (!this.#links.delete(hash(token ?? ""))) throw new HttpError(401, closedText);
    const session = randomBytes(32).toString("base64url");
    this.#sessions.add(hash(session));
    return `${this.#cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict`;
  }

  /** Throws {@link HttpError} for a request under another site's name or without a session. */
  checkRead(request: IncomingMessage): void {
    checkHost(request);
    // A page of another port of this host counts as the same site, so its requests have the cookie.
    const site = request.headers["sec-fetch-site"];
    if (site !== undefined && site !== "same-origin" && site !== "none")
      throw new HttpError(403, "Only pages of the console may use it.");
    const session = cookies(request).get(this.#cookieName);
    if (session === undefined || !this.#sessions.has(hash(session))) throw new HttpError(401, closedText);
  }

  /** Like {@link checkRead}, for requests that change something and for WebSockets: the page must be one of this console. */
  checkOrigin(request: IncomingMessage): void {
    this.checkRead(request);
    const { origin, host } = request.headers;
    if (origin !== `http://${host}`) throw new HttpError(403, "Only pages of the console may use it.");
  }
}

/**
 * Throws {@link HttpError} for a name that does not say this machine. A page of another site can let its own name point to 127.0.0.1, and
 * so read what this machine serves (DNS rebinding). The port may be another one: that of `ssh -L`.
 */
export function checkHost({ headers }: IncomingMessage): void {
  if (/^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i.test(headers.host ?? "")) return;
  throw new HttpError(421, "The header Host does not name this machine: use http://127.0.0.1 and the port.");
}

/** Tokens have 256 random bits, so a plain hash is enough, and a look-up by it takes the same time for every wrong one. */
function hash(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

function cookies({ headers }: IncomingMessage): Map<string, string> {
  const pairs = (headers.cookie ?? "").split(";").map((pair) => pair.trim().split("="));
  return new Map(pairs.map(([name = "", value = ""]) => [name, value]));
}
