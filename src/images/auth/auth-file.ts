import { CriError, type Problem } from "../../core/index.js";

/** One line of an auth file: for whom, and what. Without either it only says that a helper has it. */
export interface AuthEntry {
  /** As it is written: `https://index.docker.io/v1/`, `registry.example`, `quay.io/team`. */
  readonly key: string;
  readonly login: { readonly username: string; readonly password: string } | undefined;
  readonly identityToken: string | undefined;
}

/** What `config.json` of docker, `auth.json` of podman, and `.dockerconfigjson` of Kubernetes say in common. */
export interface AuthFile {
  readonly entries: readonly AuthEntry[];
  /** The helper for all registries that have none of their own: `pass` for `docker-credential-pass`. */
  readonly credsStore: string | undefined;
  /** Helpers by registry; "" for one that has none in spite of `credsStore`. */
  readonly credHelpers: ReadonlyMap<string, string>;
}

/** The program's name without `docker-credential-`: no path, so that a file cannot have anything else run. */
const helperName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Reads the text of an auth file. Throws `invalid_file`, which tells where it is wrong and never what stands there. */
export function parseAuthFile(text: string, where: string, flat = false): AuthFile {
  return readAuthFile(parseSecretJson(text, where), where, flat);
}

/** What JSON says. Throws `invalid_file`; the parser's own error is left out, since it quotes the text. */
export function parseSecretJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidFile(where, [{ path: "", message: "is not JSON" }]);
  }
}

/** The same of what was parsed already. Where `flat` is true all of it is entries, as in `.dockercfg`. */
export function readAuthFile(json: unknown, where: string, flat = false): AuthFile {
  const problems: Problem[] = [];
  const file = record(json, "", problems);
  const auths = flat ? file : record(file.auths ?? {}, "auths", problems);
  const under = flat ? "" : "auths";
  const entries = Object.entries(auths).map(([key, value]) => {
    const path = `${under}[${JSON.stringify(key)}]`;
    return readEntry(key, record(value ?? {}, path, problems), path, problems);
  });
  const helpers = flat ? [] : Object.entries(record(file.credHelpers ?? {}, "credHelpers", problems));
  const credHelpers = new Map(
    helpers.map(([host, name]) => [
      host,
      name === "" ? "" : helper(name, `credHelpers[${JSON.stringify(host)}]`, problems),
    ]),
  );
  const credsStore =
    flat || (file.credsStore ?? "") === "" ? undefined : helper(file.credsStore, "credsStore", problems);
  if (problems.length > 0) throw invalidFile(where, problems);
  return { entries, credsStore, credHelpers };
}

function readEntry(
  key: string,
  value: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problem[],
): AuthEntry {
  const field = (name: string): string => {
    const text = value[name] ?? "";
    if (typeof text === "string") return text;
    problems.push({ path: `${path}.${name}`, message: "must be a text" });
    return "";
  };
  const [auth, username, password] = [field("auth"), field("username"), field("password")];
  const identityToken = field("identitytoken") || undefined;
  const login = auth === "" ? (username === "" ? undefined : { username, password }) : decoded(auth);
  // Beside an identity token, the name and its password mean nothing.
  if (login === null && !identityToken)
    problems.push({ path: `${path}.auth`, message: "must be name:password in base64" });
  return { key, login: login ?? undefined, identityToken };
}

/** `name:password` out of base64, padded or not; null for anything else. */
function decoded(auth: string): { username: string; password: string } | null {
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(auth)) return null;
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) return null;
  // Old versions of docker wrote the password with zeros behind it.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

function helper(name: unknown, path: string, problems: Problem[]): string {
  if (typeof name === "string" && helperName.test(name)) return name;
  problems.push({
    path,
    message: "must be the name of a helper: letters, digits, dots, hyphens, underlines",
  });
  return "";
}

function record(value: unknown, path: string, problems: Problem[]): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>; // An object that is no list has fields of unknown types.
  problems.push({ path, message: "must be an object" });
  return {};
}

/** An `invalid_file` error, which tells places only: what stands there may be a secret. */
export function invalidFile(where: string, problems: readonly Problem[]): CriError {
  const list = problems.map(({ path, message }) => `${path}${path ? " " : ""}${message}`).join("; ");
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_file",
    text: `${where}: ${list}`,
    problems,
  });
}
