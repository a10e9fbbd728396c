import type { IncomingMessage } from "node:http";
import { type CriError, type CriErrorDetails, criError, isCriError } from "../core/index.js";
import { describeUrl } from "./url.js";

/** Limits for the body of a refusal: bytes that are read, and milliseconds until it is ignored. */
const explanationBytes = 4_096;
const explanationMs = 500;

/** Statuses with which servers refuse one transport. Others (a redirect, 401, 500, 503) refuse every transport. */
const transportRefusals: ReadonlySet<number> = new Set([400, 403, 405, 406, 426, 501, 505]);

/** The cause of a refusal: the HTTP response that the server sent instead of an upgrade. */
class HttpRefusal extends Error {
  override readonly name = "HttpRefusal";
  readonly status: number;

  constructor(status: number) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

/** Reports whether a session that was refused with this error may be accepted over another transport. */
export function isTransportRefusal(error: unknown): boolean {
  if (!isCriError(error) || error.reason !== "upgrade_refused") return false;
  const { cause } = error;
  return !(cause instanceof HttpRefusal) || transportRefusals.has(cause.status);
}

/** Reads a response that refuses an upgrade, and returns it as an error. Never rejects. */
export async function readRefusal(url: URL, response: IncomingMessage): Promise<CriError> {
  const explanation = await readExplanation(response);
  const status = response.statusCode ?? 0;
  if (status === 404)
    return criError("stream_url_spent", "the streaming server does not know this URL", {
      endpoint: describeUrl(url),
      hint: "A URL can be used once, within a minute. Call Exec, Attach or PortForward again",
    });
  const versions = response.headers["x-accepted-stream-protocol-versions"];
  const accepted = versions === undefined ? "" : `; it accepts ${[versions].flat().join(", ")}`;
  const [line] = explanation.trim().split("\n");
  return upgradeRefused(url, `HTTP ${status}${line ? `: ${line}` : ""}${accepted}`, {
    cause: new HttpRefusal(status),
  });
}

/** Creates the error for a server that refused the session or chose a protocol that the client did not offer. */
export function upgradeRefused(url: URL, text: string, details?: CriErrorDetails): CriError {
  return criError("upgrade_refused", `the streaming server refused the session: ${text}`, {
    endpoint: describeUrl(url),
    ...details,
  });
}

async function readExplanation(response: IncomingMessage): Promise<string> {
  let text = "";
  const timer = setTimeout(() => response.destroy(), explanationMs);
  try {
    for await (const chunk of response.setEncoding("utf8")) {
      text += chunk;
      if (text.length >= explanationBytes) break;
    }
  } catch {
    // The part that arrived before the connection broke is enough.
  } finally {
    clearTimeout(timer);
  }
  return text.slice(0, explanationBytes);
}
