import { type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import { CriError, type CriErrorInit, isCriError, type Lifeline } from "../core/index.js";
import { streamLost } from "./errors.js";
import { describeUrl } from "./url.js";

/** A connection that the server agreed to speak SPDY on. */
export interface Upgraded {
  readonly socket: Duplex;
  /** What came after the answer's headers. */
  readonly head: Buffer;
  /** The stream protocol that the server chose. */
  readonly protocol: string;
}

/** What is read of the explanation of a refusal, and how long it may take to come, in milliseconds. */
const explanationBytes = 4_096;
const explanationMs = 500;

/** The statuses by which servers refuse a way to speak; others (a redirection, 401, 500, 503) refuse any. */
const refusesTheWay: ReadonlySet<number> = new Set([400, 403, 405, 406, 426, 501, 505]);

/** What a server answered in place of an upgrade, as the cause of a refusal. */
class HttpAnswer extends Error {
  override readonly name = "HttpAnswer";
  readonly status: number;

  constructor(status: number) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

/** Whether a session that was refused so may be agreed to over another transport. */
export function mayAgreeOtherwise(error: unknown): boolean {
  if (!isCriError(error) || error.reason !== "upgrade_refused") return false;
  const { cause } = error;
  return !(cause instanceof HttpAnswer) || refusesTheWay.has(cause.status);
}

/**
 * Asks for SPDY/3.1 by an HTTP/1.1 upgrade on a fresh connection, with stream protocols in the order of preference.
 * The socket is destroyed unless the server agrees.
 */
export function upgradeToSpdy(
  socket: Duplex,
  url: URL,
  protocols: readonly string[],
  headers: Readonly<Record<string, string>>,
  lifeline: Lifeline,
): Promise<Upgraded> {
  const upgrade = new Promise<Upgraded>((resolve, reject) => {
    const call = request({
      method: "POST",
      path: `${url.pathname}${url.search}`,
      createConnection: () => socket,
      headers: {
        host: url.host,
        ...headers,
        connection: "Upgrade",
        upgrade: "SPDY/3.1",
        "x-stream-protocol-version": [...protocols],
        "content-length": "0",
      },
    });
    call.once("upgrade", (answer, upgraded, head) => {
      const protocol = answer.headers["x-stream-protocol-version"];
      // A server that names none means the first one of all, in which a command never learns that its input ended.
      if (typeof protocol === "string" && protocols.includes(protocol))
        resolve({ socket: upgraded, head, protocol });
      else reject(refused(url, `it chose the stream protocol ${JSON.stringify(protocol ?? "")}`));
    });
    call.once("response", (answer) => {
      readExplanation(answer).then((text) => reject(refusal(url, answer, text)), reject);
    });
    call.on("error", (cause) =>
      reject(
        streamLost("the streaming server hung up before it answered", { cause, endpoint: describeUrl(url) }),
      ),
    );
    call.end();
  });
  return lifeline.race(upgrade).catch((error: unknown) => {
    // The server keeps a refused connection open.
    socket.destroy();
    throw error;
  });
}

/** Why a server did not upgrade, from its answer. */
export function refusal(url: URL, answer: IncomingMessage, text: string): CriError {
  const status = answer.statusCode ?? 0;
  if (status === 404)
    return new CriError({
      code: "not_found",
      reason: "stream_url_spent",
      endpoint: describeUrl(url),
      text: "the streaming server does not know this URL",
      hint: "A URL can be used once, within a minute; ask the runtime for another",
    });
  const accepted = answer.headers["x-accepted-stream-protocol-versions"];
  const versions = accepted === undefined ? "" : `; it accepts ${[accepted].flat().join(", ")}`;
  const line = text.trim().split("\n")[0];
  const cause = new HttpAnswer(status);
  return refused(url, `HTTP ${status}${line ? `: ${line}` : ""}${versions}`, { cause });
}

function refused(url: URL, text: string, more?: Partial<CriErrorInit>): CriError {
  return new CriError({
    code: "failed_precondition",
    reason: "upgrade_refused",
    endpoint: describeUrl(url),
    text: `the streaming server refused the session: ${text}`,
    ...more,
  });
}

/** The beginning of a refusal's body, as far as it comes soon. */
export async function readExplanation(answer: IncomingMessage): Promise<string> {
  let text = "";
  const timer = setTimeout(() => answer.destroy(), explanationMs);
  try {
    for await (const chunk of answer.setEncoding("utf8")) {
      text += chunk;
      if (text.length >= explanationBytes) break;
    }
  } catch {
    // What came before the connection broke says enough.
  } finally {
    clearTimeout(timer);
  }
  return text.slice(0, explanationBytes);
}
