import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { CriError, describe } from "../core/index.js";

/** The environment as Node gives it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a crictl.yaml says about endpoints. Its other settings are crictl's own and not looked at. */
export interface CrictlConfig {
  readonly path: string;
  readonly runtimeEndpoint: string | undefined;
  readonly imageEndpoint: string | undefined;
}

/**
 * Reads crictl's configuration file: the one CRI_CONFIG_FILE names, which must exist, or the one at crictl's default
 * place, which need not. Throws `invalid_option` for a file that cannot be read or is not crictl's.
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
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable(path, error instanceof Error ? error.message : String(error), error);
  }
  return parseCrictlConfig(path, text);
}

/** The endpoints in the text of a crictl.yaml. */
export function parseCrictlConfig(path: string, text: string): CrictlConfig {
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error), error);
  }
  if (content === null || content === undefined) content = {};
  if (typeof content !== "object" || Array.isArray(content)) throw unusable(path, "it is no map of settings");
  const setting = (key: string): string | undefined => {
    const value: unknown = Reflect.get(content as object, key);
    if (value === undefined || value === null || value === "") return undefined;
    if (typeof value !== "string") throw unusable(path, `${key} must be a string, got ${describe(value)}`);
    return value;
  };
  return Object.freeze({
    path,
    runtimeEndpoint: setting("runtime-endpoint"),
    imageEndpoint: setting("image-endpoint"),
  });
}

function defaultPath(env: Environment, platform: NodeJS.Platform): string | undefined {
  if (platform === "win32") return env.USERPROFILE && join(env.USERPROFILE, ".crictl", "crictl.yaml");
  return platform === "freebsd" ? "/usr/local/etc/crictl.yaml" : "/etc/crictl.yaml";
}

function unusable(path: string, why: string, cause?: unknown): CriError {
  const text = `cannot use crictl's configuration ${path}: ${why}`;
  return new CriError({ code: "invalid_argument", reason: "invalid_option", text, cause });
}
