import {
  abortError,
  codeOf,
  criError,
  isError,
  type Problem,
  readRegularFile,
  Violations,
} from "../../core/index.js";
import type { RegistryCredentials } from "./credentials.js";

/** An entry of an auth file. Without credentials and problems it only states that a helper has them. */
export interface AuthEntry {
  /** The key as written: `https://index.docker.io/v1/`, `registry.example`, `quay.io/team`. */
  readonly key: string;
  readonly basic: { readonly username: string; readonly password: string } | undefined;
  readonly identityToken: string | undefined;
  /** What is invalid in this entry. It matters only to look-ups that need the entry. */
  readonly problems: readonly Problem[];
}

/** The name of a helper: `pass` for `docker-credential-pass`; a problem if it is invalid, which matters only to look-ups that need it. */
export type HelperEntry = string | Problem;

/** The common content of Docker's `config.json`, Podman's `auth.json` and Kubernetes' `.dockerconfigjson`. */
export interface AuthFile {
  /** The file's name in errors. */
  readonly name: string;
  readonly entries: readonly AuthEntry[];
  /** The helper for registries without one of their own. */
  readonly credsStore: HelperEntry | undefined;
  /** The helpers by registry; "" exempts a registry from `credsStore`. */
  readonly credHelpers: ReadonlyMap<string, HelperEntry>;
}

/** The format of an auth file: `dockercfg` consists of entries only. */
export type AuthFileFormat = "config" | "dockercfg";

/** The path of an auth file. */
export interface AuthPath {
  readonly path: string;
  readonly format: AuthFileFormat;
  /** Whether a missing file is an error. */
  readonly required: boolean;
}

/** Docker Hub's names in auth files. `docker login` writes the first one. */
export const hubKeys: readonly string[] = [
  "https://index.docker.io/v1/",
  "index.docker.io",
  "docker.io",
  "registry-1.docker.io",
];

/** A helper's name is not a path, so a file cannot make this process run other programs. */
const helperName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Reads an auth file, without a cache. Returns undefined when it does not exist and is not required. */
export async function loadAuthFile(
  { path, format, required }: AuthPath,
  signal: AbortSignal,
): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = (await readRegularFile(path, { signal })).toString();
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    const isMissing = /^(ENOENT|ENOTDIR)$/.test(codeOf(cause) ?? "");
    if (isMissing && !required) return undefined;
    // Neither text has content of the file.
    const why = isError(cause) ? `: ${cause.message}` : "";
    throw criError("credentials_failed", `auth file ${path}: cannot be read${why}`, { cause });
  }
  return parseAuthFile(text, path, format);
}

/**
 * Parses an auth file. An empty one has no entries, as for Docker and Podman. Throws `invalid_file` if it cannot be read at all, without
 * values: they may be secrets. The problems of single entries are in the entries.
 */
export function parseAuthFile(text: string, name: string, format: AuthFileFormat = "config"): AuthFile {
  if (text.trim() === "") return { name, entries: [], credsStore: undefined, credHelpers: new Map() };
  const violations = new Violations();
  const file = readAuthJson(parseSecretJson(text, "", violations), "", format, violations);
  violations.throwIfAny("invalid_file", name);
  return { ...file, name };
}

/** Parses JSON; undefined when it is invalid. The parser's own error is not used, since it quotes the text. */
export function parseSecretJson(text: string, path: string, violations: Violations): unknown {
  try {
    return JSON.parse(text);
  } catch {
    violations.add(path, "is not valid JSON");
    return undefined;
  }
}

/**
 * Reads an auth file from its parsed JSON, undefined if that was invalid, and adds to `violations` what makes the whole file unusable.
 * Paths start with `base`.
 */
export function readAuthJson(
  json: unknown,
  base: string,
  format: AuthFileFormat,
  violations: Violations,
): AuthFile {
  const empty = {
    name: base,
    entries: [],
    credsStore: undefined,
    credHelpers: new Map<string, HelperEntry>(),
  };
  if (json === undefined) return empty;
  const isConfig = format === "config";
  const pathOf = (field: string) => (base === "" ? field : `${base}.${field}`);
  const file = record(json, base, violations);
  const auths = isConfig ? record(file.auths ?? {}, pathOf("auths"), violations) : file;
  const entries = Object.entries(auths).map(([key, value]) => {
    const path = `${isConfig ? pathOf("auths") : base}[${JSON.stringify(key)}]`;
    return readEntry(key, value ?? {}, path);
  });
  if (!isConfig) return { ...empty, entries };
  const helpers = Object.entries(record(file.credHelpers ?? {}, pathOf("credHelpers"), violations));
  const credHelpers = new Map(
    helpers.map(([host, name]) => [
      host,
      name === "" ? "" : readHelper(name, `${pathOf("credHelpers")}[${JSON.stringify(host)}]`),
    ]),
  );
  const { credsStore } = file;
  const hasStore = credsStore !== undefined && credsStore !== null && credsStore !== "";
  return {
    ...empty,
    entries,
    credsStore: hasStore ? readHelper(credsStore, pathOf("credsStore")) : undefined,
    credHelpers,
  };
}

/**
 * Returns the credentials of the entries that match an image. Throws `invalid_file` if the invalid ones among them are all that
 * matches.
 */
export function credentialsOf(
  { name }: AuthFile,
  matching: readonly AuthEntry[],
): readonly RegistryCredentials[] {
  const problems = matching.flatMap((entry) => entry.problems);
  const found = matching
    .filter((entry) => entry.problems.length === 0)
    // An identity token takes precedence.
    .map(({ basic, identityToken }) => (identityToken === undefined ? basic : { identityToken }))
    .filter((credentials) => credentials !== undefined);
  if (found.length === 0) throwProblems(name, problems);
  return found;
}

/** Throws `invalid_file` with the problems of the entries that a look-up needs, if there are any. */
export function throwProblems(name: string, problems: readonly Problem[]): void {
  const violations = new Violations();
  for (const problem of problems) violations.addProblem(problem);
  violations.throwIfAny("invalid_file", name);
}

function readEntry(key: string, json: unknown, path: string): AuthEntry {
  const violations = new Violations();
  const value = record(json, path, violations);
  const field = (name: string): string => {
    const text = value[name] ?? "";
    if (typeof text === "string") return text;
    violations.add(`${path}.${name}`, "must be a string");
    return "";
  };
  const [auth, username, password] = [field("auth"), field("username"), field("password")];
  const identityToken = field("identitytoken") || undefined;
  const basic = auth === "" ? (username === "" ? undefined : { username, password }) : decodeBasic(auth);
  // With an identity token, the user name and the password do not matter.
  if (basic === null && !identityToken)
    violations.add(`${path}.auth`, "must be base64 of <username>:<password>");
  return { key, basic: basic ?? undefined, identityToken, problems: violations.problems };
}

/** Decodes base64 of `username:password`, padded or not; null when it is invalid. */
function decodeBasic(auth: string): { username: string; password: string } | null {
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(auth)) return null;
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) return null;
  // Old versions of Docker padded the password with NUL.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

function readHelper(name: unknown, path: string): HelperEntry {
  if (typeof name === "string" && helperName.test(name)) return name;
  return { path, message: "must be the name of a helper: letters, digits, dots, hyphens, underscores" };
}

function record(value: unknown, path: string, violations: Violations): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>; // A JSON object has fields of unknown types.
  violations.add(path, "must be an object");
  return {};
}
