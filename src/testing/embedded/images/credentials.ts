import type { AuthConfig } from "../../../../gen/runtime/v1/api_pb.js";
import type { ImageReference } from "../../../core/index.js";
import type { RegistryAuth } from "./image.js";

/** What containerd makes of an AuthConfig: a name and a password, or "" and an identity token, or nothing. */
interface Credentials {
  readonly username: string;
  readonly secret: string;
}

const nobody: Credentials = { username: "", secret: "" };

/** Where a registry is really asked: Docker Hub's is at another host than its name. */
export function registryHost(domain: string): string {
  return domain === "docker.io" ? "registry-1.docker.io" : domain;
}

/**
 * Why a registry refuses, in containerd's words; undefined when it does not. As with containerd, credentials are looked at
 * only by a registry that asks for them.
 */
export function refusal(
  reference: ImageReference,
  wanted: RegistryAuth | undefined,
  auth: AuthConfig | undefined,
): string | undefined {
  if (!wanted) return undefined;
  const host = registryHost(reference.domain);
  const given = credentialsFor(host, auth);
  if (typeof given === "string") return `failed to authorize: ${given}`;
  return "identityToken" in wanted
    ? tokenRefusal(host, reference, wanted.identityToken, given)
    : basicRefusal(host, reference, wanted, given);
}

/**
 * The credentials that apply for a host; a text when they cannot be read. A `server_address` has to be a URL of just this
 * host, or all the rest is dropped without a word: `localhost:5000` without a scheme never fits. Then `username` counts,
 * then `identity_token`, then `auth`; `registry_token` never does.
 */
function credentialsFor(host: string, auth: AuthConfig | undefined): Credentials | string {
  if (!auth) return nobody;
  if (auth.serverAddress !== "" && hostOf(auth.serverAddress) !== host) return nobody;
  if (auth.username !== "") return { username: auth.username, secret: auth.password };
  if (auth.identityToken !== "") return { username: "", secret: auth.identityToken };
  return auth.auth === "" ? nobody : decoded(auth.auth);
}

/** What a URL names as its host, with the port as it is written; "" where it names none. */
function hostOf(url: string): string {
  return /^(?:[a-z][a-z0-9+.-]*:)?\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(url)?.[1] ?? "";
}

/** `name:password` out of base64, which has to be padded. */
function decoded(base64: string): Credentials | string {
  const form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
  if (!form.test(base64)) {
    const strange = base64.search(/[^A-Za-z0-9+/]/);
    return `illegal base64 data at input byte ${strange < 0 ? base64.length : strange}`;
  }
  const text = Buffer.from(base64, "base64").toString("utf8");
  const colon = text.indexOf(":");
  // Without the text itself, which containerd shows: it may be a password.
  if (colon < 0) return "invalid decoded auth";
  return { username: text.slice(0, colon), secret: text.slice(colon + 1) };
}

function basicRefusal(
  host: string,
  reference: ImageReference,
  wanted: { readonly username: string; readonly password: string },
  { username, secret }: Credentials,
): string | undefined {
  if (username === "" || secret === "")
    return "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials";
  if (username === wanted.username && secret === wanted.password) return undefined;
  const { path, tag, digest } = reference;
  const url = `https://${host}/v2/${path}/manifests/${digest ?? tag}`;
  return `unexpected status from HEAD request to ${url}: 401 Unauthorized`;
}

function tokenRefusal(
  host: string,
  reference: ImageReference,
  wanted: string,
  { username, secret }: Credentials,
): string | undefined {
  if (secret === "") {
    const scope = encodeURIComponent(`repository:${reference.path}:pull`);
    const url = `https://${host}/token?scope=${scope}&service=${host}`;
    return `failed to authorize: failed to fetch anonymous token: unexpected status from GET request to ${url}: 401 Unauthorized`;
  }
  if (username === "" && secret === wanted) return undefined;
  return `failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://${host}/token: 401 Unauthorized`;
}

/** The words that containerd puts before whatever a registry says. */
export function pullFailure(name: string, why: string): string {
  return `failed to pull and unpack image "${name}": failed to resolve reference "${name}": ${why}`;
}
