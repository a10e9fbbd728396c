// The simulated registries: who may pull, with containerd's error texts, and downloads that concurrent pulls share.
import type { AuthConfig } from "../../../../gen/runtime/v1/api_pb.js";
import { abortError, type ImageReference, raceAbort } from "../../../core/index.js";
import type { RegistryAuth } from "./image.js";

/** What containerd derives from an AuthConfig: a user and a password, or "" and an identity token, or nothing. */
interface Credentials {
  readonly username: string;
  readonly secret: string;
}

const anonymous: Credentials = { username: "", secret: "" };

/** Returns the host of a registry. Docker Hub's differs from its name in references. */
function registryHost(domain: string): string {
  return domain === "docker.io" ? "registry-1.docker.io" : domain;
}

/**
 * Returns the text of containerd's error when a registry denies a pull; undefined when it allows the pull. As with
 * containerd, a registry that requires no credentials does not look at them.
 */
export function denialOf(
  reference: ImageReference,
  required: RegistryAuth | undefined,
  auth: AuthConfig | undefined,
): string | undefined {
  if (!required) return undefined;
  const host = registryHost(reference.domain);
  const credentials = credentialsFor(host, auth);
  if (typeof credentials === "string") return `failed to authorize: ${credentials}`;
  return "identityToken" in required
    ? tokenDenial(host, reference, required.identityToken, credentials)
    : basicDenial(host, reference, required, credentials);
}

/** Adds what containerd writes before a registry's error. */
export function pullError(name: string, why: string): string {
  return `failed to pull and unpack image "${name}": failed to resolve reference "${name}": ${why}`;
}

/**
 * Selects the credentials for a host as containerd does; returns a text when they are not valid. A `server_address` must be
 * a URL with exactly this host, otherwise all credentials are ignored: `localhost:5000` without a scheme never matches.
 * `username` comes first, then `identity_token`, then `auth`; `registry_token` is never used.
 */
function credentialsFor(host: string, auth: AuthConfig | undefined): Credentials | string {
  if (!auth) return anonymous;
  if (auth.serverAddress !== "" && hostOf(auth.serverAddress) !== host) return anonymous;
  if (auth.username !== "") return { username: auth.username, secret: auth.password };
  if (auth.identityToken !== "") return { username: "", secret: auth.identityToken };
  return auth.auth === "" ? anonymous : decodeAuth(auth.auth);
}

/** Returns the host of a URL, with its port; "" for a text without one. */
function hostOf(url: string): string {
  return /^(?:[a-z][a-z0-9+.-]*:)?\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(url)?.[1] ?? "";
}

/** Decodes `name:password` from padded base64. Returns Go's error text for anything else. */
function decodeAuth(base64: string): Credentials | string {
  const form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
  if (!form.test(base64)) {
    const index = base64.search(/[^A-Za-z0-9+/]/);
    return `illegal base64 data at input byte ${index < 0 ? base64.length : index}`;
  }
  const text = Buffer.from(base64, "base64").toString("utf8");
  const colon = text.indexOf(":");
  // containerd adds the decoded text, which may be a password.
  if (colon < 0) return "invalid decoded auth";
  return { username: text.slice(0, colon), secret: text.slice(colon + 1) };
}

function basicDenial(
  host: string,
  reference: ImageReference,
  required: { readonly username: string; readonly password: string },
  { username, secret }: Credentials,
): string | undefined {
  if (username === "" || secret === "")
    return "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials";
  if (username === required.username && secret === required.password) return undefined;
  const { path, tag, digest } = reference;
  const url = `https://${host}/v2/${path}/manifests/${digest ?? tag}`;
  return `unexpected status from HEAD request to ${url}: 401 Unauthorized`;
}

function tokenDenial(
  host: string,
  reference: ImageReference,
  required: string,
  { username, secret }: Credentials,
): string | undefined {
  if (secret === "") {
    const scope = encodeURIComponent(`repository:${reference.path}:pull`);
    const url = `https://${host}/token?scope=${scope}&service=${host}`;
    return `failed to authorize: failed to fetch anonymous token: unexpected status from GET request to ${url}: 401 Unauthorized`;
  }
  if (username === "" && secret === required) return undefined;
  return `failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://${host}/token: 401 Unauthorized`;
}

interface Download {
  readonly controller: AbortController;
  readonly done: Promise<void>;
  waiting: number;
}

/** Downloads that are in flight. Concurrent pulls of one image share one download. */
export class Downloads {
  readonly #inFlight = new Map<string, Download>();

  /**
   * Waits for the download with this key, and starts it if none is in flight. Rejects with the typed error when the signal
   * fires; the download goes on for other callers, and is aborted when there are none.
   */
  async join(
    key: string,
    signal: AbortSignal,
    download: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    if (signal.aborted) throw abortError(signal);
    const current = this.#inFlight.get(key) ?? this.#start(key, download);
    current.waiting++;
    try {
      await raceAbort(current.done, signal, (reject) => reject(abortError(signal)));
    } finally {
      if (--current.waiting === 0) this.#end(key, current);
    }
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<void>): Download {
    const controller = new AbortController();
    const done = start(controller.signal);
    // Avoids an unhandled rejection when all callers have canceled.
    done.catch(() => undefined);
    const download = { controller, done, waiting: 0 };
    this.#inFlight.set(key, download);
    return download;
  }

  #end(key: string, download: Download): void {
    if (this.#inFlight.get(key) === download) this.#inFlight.delete(key);
    download.controller.abort();
  }
}
