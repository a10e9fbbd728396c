import { CriError, type ImageReference, isCriError, stoppedError } from "../../core/index.js";
import { Login, type RegistryCredentials } from "./login.js";
import type { CredentialSource, ImageAuth } from "./source.js";

/** What was found for one image. */
export interface Found {
  /** In the order in which they are tried, each once. */
  readonly logins: readonly Login[];
  /** Why a source could not tell. */
  readonly failures: readonly CriError[];
}

/**
 * Asks all sources. One that fails is no reason to stop: the pull may do without it, and tells of it when it does not.
 * Throws `invalid_option` for credentials that cannot be any, and as soon as the signal fires.
 */
export async function lookUp(
  auth: ImageAuth | undefined,
  image: ImageReference,
  signal: AbortSignal,
): Promise<Found> {
  const logins = new Map<string, Login>();
  const failures: CriError[] = [];
  for (const [index, one] of listOf(auth).entries()) {
    const path = Array.isArray(auth) ? `auth[${index}]` : "auth";
    const source = asSource(one, path);
    try {
      for (const credentials of await source.find(image, { signal })) {
        const login = new Login(credentials, path);
        if (!logins.has(login.fingerprint)) logins.set(login.fingerprint, login);
      }
    } catch (error) {
      if (signal.aborted) throw stoppedError(signal);
      if (source === one || typeof one === "function") failures.push(failed(source.name, error));
      else throw error;
    }
  }
  return { logins: [...logins.values()], failures };
}

type OneAuth = Exclude<ImageAuth, readonly unknown[]>;

function listOf(auth: ImageAuth | undefined): readonly OneAuth[] {
  // Array.isArray does not see a readonly array in a union.
  return auth === undefined ? [] : Array.isArray(auth) ? auth : [auth as OneAuth];
}

function asSource(auth: OneAuth, path: string): CredentialSource {
  if (typeof auth === "function")
    return {
      name: "the function given as auth",
      async find(image, lookup) {
        const found = await auth(image, lookup);
        return found === undefined ? [] : isMany(found) ? found : [found];
      },
    };
  if (typeof auth === "object" && auth !== null && "find" in auth) return auth;
  new Login(auth, path);
  return { name: path, find: () => [auth] };
}

function isMany(
  found: RegistryCredentials | readonly RegistryCredentials[],
): found is readonly RegistryCredentials[] {
  return Array.isArray(found);
}

function failed(name: string, error: unknown): CriError {
  if (isCriError(error) && error.reason !== "invalid_option") return error;
  return new CriError({
    code: "failed_precondition",
    reason: "credentials_failed",
    text: isCriError(error) ? `${name}: ${error.text}` : `${name} could not tell the credentials`,
    cause: error,
  });
}
