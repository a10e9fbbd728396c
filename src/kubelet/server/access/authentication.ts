import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { monotonicMs } from "../../../core/index.js";
import type { KubeletServerOptions, KubeletUser } from "../options.js";
import { ReviewCache } from "./review-cache.js";

const knownTokenMs = 120_000;
const unknownTokenMs = 10_000;
const reviewTimeoutMs = 10_000;
const maxTokens = 10_000;

/** The group of all authenticated users. */
const authenticatedGroup = "system:authenticated";

/** Finds out who sent a request: by the client certificate of its connection, otherwise by its bearer token. */
export class Authenticator {
  readonly #authenticate: KubeletServerOptions["authenticate"];
  readonly #cache: ReviewCache<KubeletUser | undefined>;

  constructor({ authenticate }: Pick<KubeletServerOptions, "authenticate">, now: () => number = monotonicMs) {
    this.#authenticate = authenticate;
    this.#cache = new ReviewCache({
      maxEntries: maxTokens,
      lifetimeMs: (user) => (user ? knownTokenMs : unknownTokenMs),
      timeoutMs: reviewTimeoutMs,
      now,
    });
  }

  /** Returns the user; undefined for a request that is not authenticated, also when a token could not be reviewed. */
  async userOf(request: IncomingMessage, signal: AbortSignal): Promise<KubeletUser | undefined> {
    const user = certificateUser(request) ?? (await this.#tokenUser(request, signal));
    return user && { ...user, groups: [...new Set([...(user.groups ?? []), authenticatedGroup])] };
  }

  async #tokenUser({ headers }: IncomingMessage, signal: AbortSignal): Promise<KubeletUser | undefined> {
    const token = /^bearer +(\S+)\s*$/i.exec(headers.authorization ?? "")?.[1];
    const authenticate = this.#authenticate;
    if (token === undefined || authenticate === undefined) return undefined;
    // The cache must not be a list of valid tokens.
    const key = createHash("sha256").update(token).digest("base64");
    try {
      const user = await this.#cache.get(key, signal, (shared) => authenticate(token, shared));
      return user?.name ? user : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Returns the user of a certificate that the client CA has signed: its last common name, and its organizations as groups. */
function certificateUser({ socket }: IncomingMessage): KubeletUser | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { CN, O } = namesOf(socket);
  const name = CN.at(-1);
  return name ? { name, groups: O } : undefined;
}

/** Returns the subject's names. The types of Node have strings, but an attribute that occurs several times is an array. */
function namesOf(socket: TLSSocket): { readonly CN: readonly string[]; readonly O: readonly string[] } {
  const subject: Readonly<Record<string, string | readonly string[] | undefined>> =
    socket.getPeerCertificate().subject ?? {};
  const list = (name: string) => [subject[name] ?? []].flat();
  return { CN: list("CN"), O: list("O") };
}
