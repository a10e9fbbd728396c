import {
  abortError,
  type CriError,
  criError,
  type ImageReference,
  isCriError,
  type OptionCheck,
  type OptionProblem,
  OptionTable,
  option,
} from "../../core/index.js";
import { type RegistryCredentials, SecretCredentials } from "./credentials.js";

/** Options of a look-up of credentials. */
export interface CredentialLookup {
  /** Fires when the credentials are not needed any more. */
  readonly signal: AbortSignal;
}

/** A source of credentials: created by {@link dockerAuth}, {@link podmanAuth} or {@link keyring}, or an implementation of your own. */
export interface CredentialSource {
  /** The name of the source in error texts. It must not contain secrets. */
  readonly name: string;
  /**
   * Returns all credentials that may match an image, best match first; an empty list when there are none. Called for each pull; the
   * results are not cached.
   */
  find(
    image: ImageReference,
    lookup: CredentialLookup,
  ): Promise<readonly RegistryCredentials[]> | readonly RegistryCredentials[];
}

/** A function that returns credentials for an image, or undefined when it has none. */
export type CredentialFunction = (
  image: ImageReference,
  lookup: CredentialLookup,
) =>
  | RegistryCredentials
  | readonly RegistryCredentials[]
  | undefined
  | Promise<RegistryCredentials | readonly RegistryCredentials[] | undefined>;

/** Credentials or a source of credentials, or a list of these, in order of preference. `[]` means no credentials. */
export type ImageAuth = OneImageAuth | readonly OneImageAuth[];
/** @inline */
type OneImageAuth = RegistryCredentials | CredentialSource | CredentialFunction;

/** The fields of {@link RegistryCredentials}. Whether they belong together is checked where they are used. */
const credentialsTable = new OptionTable<{
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly identityToken?: string | undefined;
}>({ username: option.secret, password: option.secret, identityToken: option.secret });

const oneAuth: OptionCheck<OneImageAuth> = (value): OptionProblem | undefined => {
  if (typeof value === "function") return undefined;
  if (typeof value !== "object" || value === null)
    return { path: "", message: "must be credentials, or a source of credentials" };
  return "find" in value ? undefined : credentialsTable.find(value);
};
const authList = option.listOf(oneAuth);

/** Checks credentials without showing them. */
export const authCheck: OptionCheck<ImageAuth> = (value) =>
  isAuthList(value) ? authList(value) : oneAuth(value);

/** The credentials for one image. */
export interface FoundCredentials {
  /** Without duplicates, in the order in which they are tried. */
  readonly credentials: readonly SecretCredentials[];
  /** The errors of sources that failed. */
  readonly failures: readonly CriError[];
}

/**
 * Collects the credentials of all sources. A failed source does not end the search, since the pull may succeed without it. Throws
 * `invalid_option` for invalid credentials, and the abort error as soon as the signal fires.
 */
export async function findCredentials(
  auth: ImageAuth | undefined,
  image: ImageReference,
  signal: AbortSignal,
): Promise<FoundCredentials> {
  const found = new Map<string, SecretCredentials>();
  const failures: CriError[] = [];
  for (const [index, one] of listOf(auth).entries()) {
    const path = Array.isArray(auth) ? `auth[${index}]` : "auth";
    const source = toSource(one, path);
    try {
      for (const value of await source.find(image, { signal })) {
        const credentials = new SecretCredentials(value, path);
        if (!found.has(credentials.fingerprint)) found.set(credentials.fingerprint, credentials);
      }
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      if (source === one || typeof one === "function") failures.push(sourceError(source.name, error));
      else throw error;
    }
  }
  return { credentials: [...found.values()], failures };
}

function listOf(auth: ImageAuth | undefined): readonly OneImageAuth[] {
  return auth === undefined ? [] : isAuthList(auth) ? auth : [auth];
}

function isAuthList(auth: ImageAuth): auth is readonly OneImageAuth[] {
  return Array.isArray(auth);
}

function toSource(auth: OneImageAuth, path: string): CredentialSource {
  if (typeof auth === "function")
    return {
      name: "the function in `auth`",
      async find(image, lookup) {
        const found = await auth(image, lookup);
        return found === undefined ? [] : isList(found) ? found : [found];
      },
    };
  if (typeof auth === "object" && auth !== null && "find" in auth) return auth;
  new SecretCredentials(auth, path);
  return { name: path, find: () => [auth] };
}

function isList(
  found: RegistryCredentials | readonly RegistryCredentials[],
): found is readonly RegistryCredentials[] {
  return Array.isArray(found);
}

function sourceError(name: string, error: unknown): CriError {
  if (isCriError(error) && error.reason !== "invalid_option") return error;
  return criError(
    "credentials_failed",
    isCriError(error) ? `${name}: ${error.rawMessage}` : `${name}: the credential source threw an error`,
    { cause: error },
  );
}
