import { join } from "node:path";
import { type CriError, criError, messageOf, readRegularFileSync } from "../core/index.js";

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The endpoints in a crictl.yaml; its other settings concern crictl only. */
export interface CrictlConfig {
  readonly path: string;
  readonly runtimeEndpoint: string | undefined;
  readonly imageEndpoint: string | undefined;
}

/**
 * Reads crictl's configuration file: the one that CRI_CONFIG_FILE names, which must exist, or the one at crictl's default path, which
 * may be absent. Throws `invalid_option` for a file that cannot be read or parsed.
 */
export function readCrictlConfig(
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): CrictlConfig | undefined {
  const named = env.CRI_CONFIG_FILE || undefined;
  const path = named ?? defaultPath(env, platform);
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readRegularFileSync(path).toString();
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable(path, messageOf(error), error);
  }
  return parseCrictlConfig(path, text);
}

/** `key: value` at the start of a line; a comment may follow. */
const settingLine = /^("[^"]*" *|'[^']*' *|[^\s"'#[{,-][^#:]*):(?: +(.*))?$/;
const quotedValue = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')(?: +#.*)?$/;
/** A blank line, a comment, a directive or document marker, or an empty map. */
const emptyLine = /^\s*(?:#.*)?$|^(?:%|---|\.\.\.)|^\{ *\}/;
/** A line that belongs to the value of the setting above it. */
const nestedLine = /^(?:[ \t]|- |-$)/;

/**
 * Reads the endpoints in the text of a crictl.yaml: the lines `runtime-endpoint: …` and `image-endpoint: …`, as
 * `crictl config` writes them. Other settings may have any value. No YAML library is needed for that, and importing
 * one costs more than connecting. Throws `invalid_option`.
 */
export function parseCrictlConfig(path: string, text: string): CrictlConfig {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const settings = new Map<string, string>();
  let key: string | undefined;
  for (const [i, line] of lines.entries()) {
    if (emptyLine.test(line)) continue;
    if (key !== undefined && nestedLine.test(line)) {
      settings.set(key, `${settings.get(key)}\n${line}`);
      continue;
    }
    const [, name, value = ""] = settingLine.exec(line) ?? [];
    if (name === undefined)
      throw unusable(path, `not a map of settings: line ${i + 1} is not \`key: value\``);
    // Time linear in the length of the line: a pattern that ends in optional spaces would take quadratic time.
    key = name.trimEnd().replace(/^(["'])(.*)\1$/, "$2");
    if (key === "<<") throw unusable(path, `line ${i + 1} is a merge key (<<), which is not supported here`);
    if (settings.has(key)) throw unusable(path, `keys must be unique: ${key}`);
    settings.set(key, value);
  }
  const setting = (name: string): string | undefined => {
    const value = settings.get(name) ?? "";
    const content = scalar(value.trimEnd());
    if (content === undefined) throw unusable(path, `${name} must be a string, got ${value.trim()}`);
    return content || undefined;
  };
  return Object.freeze({
    path,
    runtimeEndpoint: setting("runtime-endpoint"),
    imageEndpoint: setting("image-endpoint"),
  });
}

/** The string that the YAML of a value stands for, "" for null; undefined for every other value. */
function scalar(yaml: string): string | undefined {
  const [, quoted] = quotedValue.exec(yaml) ?? [];
  if (quoted?.startsWith("'")) return quoted.slice(1, -1).replaceAll("''", "'");
  if (quoted !== undefined) return unescaped(quoted);
  if (yaml.includes("\n")) return undefined;
  const comment = yaml.search(/(?:^| )#/);
  const plain = comment < 0 ? yaml : yaml.slice(0, comment).trimEnd();
  if (/^(?:|~|null)$/i.test(plain)) return "";
  const isOther =
    /^(?:true|false|[-+.]?\d[\d.eExXoO_+-]*)$/i.test(plain) || /^[[{&*!|>%@`"',-]|: /.test(plain);
  return isOther ? undefined : plain;
}

/** Decodes a double-quoted YAML string as JSON, which has the common escapes; undefined for other escapes. */
function unescaped(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}

function defaultPath(env: Environment, platform: NodeJS.Platform): string | undefined {
  if (platform === "win32") return env.USERPROFILE && join(env.USERPROFILE, ".crictl", "crictl.yaml");
  return platform === "freebsd" ? "/usr/local/etc/crictl.yaml" : "/etc/crictl.yaml";
}

function unusable(path: string, why: string, cause?: unknown): CriError {
  const text = `crictl's configuration ${path} cannot be used: ${why}`;
  return criError("invalid_option", text, { cause });
}
