import { readFile } from "node:fs/promises";
import { CriError, stoppedError } from "../../core/index.js";
import { type AuthEntry, type AuthFile, parseAuthFile } from "./auth-file.js";
import type { RegistryCredentials } from "./login.js";

/** A place where an auth file may be. */
export interface AuthPath {
  readonly path: string;
  /** `.dockercfg`: entries, and nothing else. */
  readonly flat: boolean;
  /** Whether it is an error when it is not there. */
  readonly required: boolean;
}

/** The auth file of a path, read anew at each call; undefined when it is not there and need not be. */
export async function readStored(place: AuthPath, signal: AbortSignal): Promise<AuthFile | undefined> {
  const { path, flat, required } = place;
  let text: string;
  try {
    text = await readFile(path, { encoding: "utf8", signal });
  } catch (cause) {
    if (signal.aborted) throw stoppedError(signal);
    const absent = cause instanceof Error && "code" in cause && /^(ENOENT|ENOTDIR)$/.test(String(cause.code));
    if (absent && !required) return undefined;
    throw new CriError({
      code: "failed_precondition",
      reason: "credentials_failed",
      text: `the auth file ${path} cannot be read`,
      cause,
    });
  }
  return parseAuthFile(text, path, flat);
}

/** What an entry has to show. */
export function credentialsOf({ login, identityToken }: AuthEntry): RegistryCredentials | undefined {
  return identityToken === undefined ? login : { identityToken };
}

/** Docker Hub is known by several names; the first is the one that `docker login` writes. */
export const hubKeys: readonly string[] = [
  "https://index.docker.io/v1/",
  "index.docker.io",
  "docker.io",
  "registry-1.docker.io",
];
