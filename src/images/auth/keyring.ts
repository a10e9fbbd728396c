import { inspect } from "node:util";
import {
  type CriError,
  type ImageReference,
  isCriError,
  type Problem,
  repositoryOf,
} from "../../core/index.js";
import { type AuthFile, invalidFile, parseAuthFile, parseSecretJson, readAuthFile } from "./auth-file.js";
import type { RegistryCredentials } from "./login.js";
import type { CredentialSource } from "./source.js";
import { keyMatches } from "./url-match.js";

/**
 * A secret with registry credentials: the text or the parsed contents of `.dockerconfigjson` or of `.dockercfg`, or the whole
 * Secret of Kubernetes, whose `data` is base64.
 */
export type PullSecret = string | Readonly<Record<string, unknown>>;

/**
 * Credentials of Kubernetes pull secrets, matched to images as the kubelet does it: keys may have patterns in the labels of
 * their host, and a path, which an image's has to begin with. All that match are tried, longer keys first. Names and passwords
 * count; identity tokens and helpers do not.
 *
 * Throws {@link CriError} `invalid_file` with all that is wrong, each with its place and without its value.
 */
export function keyring(...secrets: readonly PullSecret[]): CredentialSource {
  const problems: Problem[] = [];
  const files = secrets.map((secret, index) => {
    try {
      return readSecret(secret, `secret ${index}`);
    } catch (error) {
      if (!isCriError(error)) throw error;
      problems.push(...ofSecret(error, index));
      return undefined;
    }
  });
  if (problems.length > 0) throw invalidFile("the keyring", problems);
  return new Keyring(files.filter((file) => file !== undefined));
}

class Keyring implements CredentialSource {
  readonly name = "keyring()";
  readonly #entries: readonly { readonly key: string; readonly login: RegistryCredentials }[];

  constructor(files: readonly AuthFile[]) {
    this.#entries = files
      .flatMap(({ entries }) => entries)
      .flatMap(({ key, login }) => (login ? [{ key: indexKey(key), login }] : []))
      // Backwards, so that of two keys that begin alike the longer comes first.
      .sort((one, other) => (one.key < other.key ? 1 : one.key > other.key ? -1 : 0));
  }

  find(image: ImageReference): RegistryCredentials[] {
    const repository = repositoryOf(image);
    const matching = this.#entries.filter(({ key }) => keyMatches(key, repository));
    if (matching.length > 0 || image.domain !== "docker.io") return matching.map(({ login }) => login);
    return this.#entries.filter(({ key }) => key === "index.docker.io").map(({ login }) => login);
  }

  [inspect.custom](): string {
    return this.name;
  }
}

/** Without the scheme, without the version of a registry's API, and without a path that is only a slash. */
function indexKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, "");
  const slash = bare.indexOf("/");
  if (slash < 0) return bare;
  const path = bare.slice(slash).replace(/^\/v[12](?=\/)/, "");
  return bare.slice(0, slash) + (path === "/" ? "" : path);
}

function readSecret(secret: unknown, where: string): AuthFile {
  const value = typeof secret === "string" ? parseSecretJson(secret, where) : secret;
  if (!isRecord(value)) throw invalidFile(where, [{ path: "", message: "must be an object" }]);
  for (const [field, encoding] of [
    ["data", "base64"],
    ["stringData", "utf8"],
  ] as const)
    for (const [name, flat] of [
      [".dockerconfigjson", false],
      [".dockercfg", true],
    ] as const) {
      const holder = value[field];
      const text = isRecord(holder) ? holder[name] : undefined;
      if (typeof text === "string")
        return parseAuthFile(Buffer.from(text, encoding).toString("utf8"), where, flat);
    }
  if (value.kind === "Secret")
    throw invalidFile(where, [{ path: "data", message: "must have .dockerconfigjson or .dockercfg" }]);
  return readAuthFile(value, where, !("auths" in value));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function ofSecret({ problems }: CriError, index: number): Problem[] {
  return problems.map(({ path, message }) => ({
    path: `secrets[${index}]${path && !path.startsWith("[") ? "." : ""}${path}`,
    message,
  }));
}
