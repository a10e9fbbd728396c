import type { Login } from "../auth/login.js";

const answerLimitBytes = 4 << 20;

/** What a registry answered. */
export interface Answer {
  readonly status: number;
  /** Undefined where it is no JSON. */
  readonly json: unknown;
  /** The challenge of a 401. */
  readonly challenge: string | undefined;
}

/** One request. What is in its header does not follow a redirect to another host; a body would. Rejects for what is no answer, or far too long. */
export async function ask(url: URL, signal: AbortSignal, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { ...init, signal });
  const challenge = response.headers.get("www-authenticate") ?? undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > answerLimitBytes) throw new Error(`more than ${answerLimitBytes} bytes`);
  }
  return { status: response.status, json: parsed(Buffer.concat(chunks).toString("utf8")), challenge };
}

/**
 * The `Authorization` that a challenge asks for; undefined when it cannot be had. A token server has to be as safe as the
 * registry that names it, or the password would be sent in the clear.
 */
export async function authorization(
  challenge: string,
  registry: URL,
  scope: string,
  login: Login | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [, scheme = "", rest = ""] = /^\s*([A-Za-z]+)\s*(.*)$/s.exec(challenge) ?? [];
  if (scheme.toLowerCase() === "basic") return login?.basic;
  if (scheme.toLowerCase() !== "bearer") return undefined;
  const parameters = new Map(
    [...rest.matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, key, value]) => [key, value]),
  );
  const realm = parameters.get("realm");
  if (realm === undefined || !URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.protocol !== "https:" && url.protocol !== registry.protocol) return undefined;
  const wanted = { service: parameters.get("service") ?? "", scope: parameters.get("scope") ?? scope };
  const { status, json } =
    login?.identityToken === undefined
      ? await ask(
          withQuery(url, wanted),
          signal,
          login?.basic ? { headers: { authorization: login.basic } } : {},
        )
      : await ask(url, signal, {
          method: "POST",
          body: refresh(wanted, login.identityToken),
          redirect: "error",
        });
  if (status !== 200 || typeof json !== "object" || json === null) return undefined;
  const { token, access_token: accessToken } = json as {
    readonly token?: unknown;
    readonly access_token?: unknown;
  };
  const given = token ?? accessToken;
  return typeof given === "string" && /^[\x21-\x7e]+$/.test(given) ? `Bearer ${given}` : undefined;
}

function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const asked = new URL(url);
  for (const [name, value] of Object.entries(query)) if (value !== "") asked.searchParams.set(name, value);
  return asked;
}

function refresh(wanted: Readonly<Record<string, string>>, token: string): URLSearchParams {
  return new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "cri-sdk",
    ...wanted,
    refresh_token: token,
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
