import { inspect } from "node:util";
import {
  checkArgument,
  type ImageReference,
  isKeyed,
  isRecord,
  referenceCheck,
  repositoryOf,
  Violations,
} from "../../core/index.js";
import { globMatches } from "../glob.js";
import { type AuthFile, type AuthFileFormat, parseSecretJson, readAuthJson } from "./auth-file.js";
import type { RegistryCredentials } from "./credentials.js";
import type { CredentialSource } from "./source.js";

/**
 * A secret with registry credentials: the text or the parsed content of `.dockerconfigjson` or `.dockercfg`, or a whole Kubernetes
 * Secret, whose `data` is base64.
 */
export type PullSecret = string | Readonly<Record<string, unknown>>;

/**
 * Creates a source from Kubernetes pull secrets. It matches images as the kubelet does: a key may have patterns in the labels of its
 * host, and a path, which must be a prefix of the image's. All matching credentials are tried, longest key first. User names and
 * passwords count; identity tokens and helpers are ignored.
 *
 * Throws {@link CriError} `invalid_file`, which lists all problems, each with its path and without its value.
 */
export function keyring(...secrets: readonly PullSecret[]): CredentialSource {
  const violations = new Violations();
  const files = secrets.map((secret, index) => readSecret(secret, `secrets[${index}]`, violations));
  violations.throwIfAny("invalid_file", "keyring()");
  return new Keyring(files.filter((file) => file !== undefined));
}

class Keyring implements CredentialSource {
  readonly name = "keyring()";
  readonly #entries: readonly { readonly key: string; readonly credentials: RegistryCredentials }[];

  constructor(files: readonly AuthFile[]) {
    this.#entries = files
      .flatMap(({ entries }) => entries)
      .flatMap(({ key, basic }) => (basic ? [{ key: normalizeKey(key), credentials: basic }] : []))
      // In descending order, so that of two keys with a common prefix the longer one comes first.
      .sort((one, other) => (one.key < other.key ? 1 : one.key > other.key ? -1 : 0));
  }

  find(image: ImageReference): RegistryCredentials[] {
    checkArgument("keyring.find", "image", image, referenceCheck);
    const repository = repositoryOf(image);
    const matching = this.#entries.filter(({ key }) => keyMatches(key, repository));
    const found =
      matching.length > 0 || image.domain !== "docker.io"
        ? matching
        : this.#entries.filter(({ key }) => key === "index.docker.io");
    return found.map(({ credentials }) => credentials);
  }

  [inspect.custom](): string {
    return this.name;
  }
}

/** Removes the scheme, the version of the registry's API, and a path that is only a slash. */
function normalizeKey(key: string): string {
  const withoutScheme = key.replace(/^https?:\/\//, "");
  const slash = withoutScheme.indexOf("/");
  if (slash < 0) return withoutScheme;
  const path = withoutScheme.slice(slash).replace(/^\/v[12](?=\/)/, "");
  return withoutScheme.slice(0, slash) + (path === "/" ? "" : path);
}

/** Reads a secret, and adds its problems to `violations`; undefined when it cannot be read at all. */
function readSecret(secret: unknown, path: string, violations: Violations): AuthFile | undefined {
  const value = typeof secret === "string" ? parseSecretJson(secret, path, violations) : secret;
  // Invalid JSON has been reported already.
  if (value === undefined && typeof secret === "string") return undefined;
  if (!isKeyed(value)) {
    violations.add(path, "must be an object");
    return undefined;
  }
  for (const [field, encoding] of [
    ["data", "base64"],
    ["stringData", "utf8"],
  ] as const)
    for (const [name, format] of [
      [".dockerconfigjson", "config"],
      [".dockercfg", "dockercfg"],
    ] as const) {
      const holder = value[field];
      const text = isRecord(holder) ? holder[name] : undefined;
      if (typeof text === "string") {
        const json = parseSecretJson(Buffer.from(text, encoding).toString("utf8"), path, violations);
        return readStrictly(json, path, format, violations);
      }
    }
  if (value.kind === "Secret") {
    violations.add(`${path}.data`, "must have .dockerconfigjson or .dockercfg");
    return undefined;
  }
  return readStrictly(value, path, "auths" in value ? "config" : "dockercfg", violations);
}

/** Reads a secret, and adds the problems of all entries to `violations`: the caller passes the secret itself and can correct it. */
function readStrictly(json: unknown, path: string, format: AuthFileFormat, violations: Violations): AuthFile {
  const file = readAuthJson(json, path, format, violations);
  for (const problem of file.entries.flatMap(({ problems }) => problems)) violations.addProblem(problem);
  return file;
}

/**
 * Returns whether a key matches a repository (`quay.io/team/app`) by the kubelet's rules: the ports are equal, the hosts have the same
 * number of labels, each label matches its pattern (`*`, `?`, `[a-z]`; none spans a dot), and the key's path is a prefix. So
 * `quay.io/foo` also matches `quay.io/foobar`.
 */
export function keyMatches(key: string, repository: string): boolean {
  const pattern = splitLocation(key);
  const target = splitLocation(repository);
  return (
    pattern.port === target.port &&
    pattern.labels.length === target.labels.length &&
    pattern.labels.every((label, index) => globMatches(label, target.labels[index] ?? "")) &&
    target.path.startsWith(pattern.path)
  );
}

function splitLocation(text: string) {
  const slash = text.indexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  // The brackets of an IPv6 address are not a pattern.
  const [, address, name = "", port = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|(.*?))(?::([0-9]*))?$/.exec(host) ?? [];
  return { labels: (address ?? name).split("."), port, path: slash < 0 ? "" : text.slice(slash) };
}
