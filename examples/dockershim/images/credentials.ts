// The credentials of a pull: CRI's AuthConfig as the header that the engine takes.
import { criError } from "cri-sdk/server";
import type { AuthConfig } from "cri-sdk/v1";

/** The names under which Docker Hub is known. */
const hub = new Set(["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]);

/**
 * Returns the value of `X-Registry-Auth` for a registry; undefined without credentials, and for credentials that name another registry.
 * The engine prefers tokens to passwords and CRI the opposite, so only one kind is passed on.
 *
 * Throws `invalid_request` for a malformed `auth`.
 */
export function registryAuth(auth: AuthConfig | undefined, registry: string): string | undefined {
  const login = auth && loginOf(auth);
  if (!login || (auth.serverAddress && !isSameRegistry(auth.serverAddress, registry))) return undefined;
  const serveraddress = hub.has(registry) ? "https://index.docker.io/v1/" : registry;
  // The engine's decoder requires the padding, which Node's base64url omits, and ignores what it cannot decode.
  const header = Buffer.from(JSON.stringify({ ...login, serveraddress })).toString("base64");
  return header.replaceAll("+", "-").replaceAll("/", "_");
}

function loginOf({ username, password, auth, identityToken, registryToken }: AuthConfig) {
  if (username && password) return { username, password };
  if (identityToken) return { identitytoken: identityToken };
  if (auth) return decodeLogin(auth);
  if (registryToken) return { registrytoken: registryToken };
  return username ? { username, password } : undefined;
}

/** Decodes the base64 of USER:PASSWORD. Errors do not show it: it is a secret. */
function decodeLogin(auth: string) {
  const decoded = Buffer.from(auth, "base64");
  const text = decoded.toString();
  const colon = text.indexOf(":");
  // Node's decoder skips everything that is not base64.
  if (decoded.toString("base64") !== auth || colon < 0)
    throw criError("invalid_request", "auth.auth: must be the base64 of USER:PASSWORD");
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Returns whether an address, which may be a URL, is that of a registry. */
function isSameRegistry(address: string, registry: string): boolean {
  const [host = ""] = address.replace(/^https?:\/\//i, "").split("/", 1);
  return host.toLowerCase() === registry.toLowerCase() || (hub.has(host.toLowerCase()) && hub.has(registry));
}
