import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { Violations } from "../../core/index.js";

/** Credentials for a registry: a user name with a password, or an identity token, which only containerd supports. */
export type RegistryCredentials =
  | {
      /** CRI `AuthConfig.username`. */
      readonly username: string;
      /** CRI `AuthConfig.password`: a password, or a token that the registry accepts as one. */
      readonly password: string;
      readonly identityToken?: undefined;
    }
  | {
      /** CRI `AuthConfig.identity_token`: an OAuth refresh token. CRI-O ignores it. */
      readonly identityToken: string;
      readonly username?: undefined;
      readonly password?: undefined;
    };

const hidden = "(hidden)";

/** Validated credentials. No log and no `inspect` shows their values. */
export class SecretCredentials {
  readonly #username: string;
  readonly #secret: string;
  readonly #isToken: boolean;

  /** Throws `invalid_option`, without the values: they are secrets. */
  constructor(credentials: unknown, path: string) {
    const { username, password, identityToken } = fieldsOf(credentials);
    const hasPassword = isWellFormed(username) && isWellFormed(password);
    const hasToken = isWellFormed(identityToken) && identityToken !== "";
    if (hasPassword === hasToken || (hasPassword && username === "")) throwInvalid(path);
    this.#isToken = hasToken;
    this.#username = hasPassword ? username : "";
    this.#secret = hasPassword ? password : String(identityToken);
  }

  /** Returns the fields of CRI's AuthConfig. Never sets `server_address`: containerd drops credentials whose address differs. */
  toAuth(): { username: string; password: string } | { identityToken: string } {
    return this.#isToken
      ? { identityToken: this.#secret }
      : { username: this.#username, password: this.#secret };
  }

  /** The `Authorization` header of HTTP basic authentication; undefined for a token. */
  get basic(): string | undefined {
    if (this.#isToken) return undefined;
    return `Basic ${Buffer.from(`${this.#username}:${this.#secret}`).toString("base64")}`;
  }

  /** The OAuth refresh token; undefined for a user name with a password. */
  get identityToken(): string | undefined {
    return this.#isToken ? this.#secret : undefined;
  }

  /** A hash that is equal for equal credentials. */
  get fingerprint(): string {
    const parts = JSON.stringify([this.#isToken, this.#username, this.#secret]);
    return createHash("sha256").update(parts).digest("hex");
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return `SecretCredentials ${hidden}`;
  }
}

function fieldsOf(value: unknown): {
  readonly username?: unknown;
  readonly password?: unknown;
  readonly identityToken?: unknown;
} {
  return typeof value === "object" && value !== null ? value : {};
}

/** Returns whether the value is a string without lone surrogates, which UTF-8 cannot represent. */
function isWellFormed(value: unknown): value is string {
  return typeof value === "string" && !/\p{Surrogate}/u.test(value);
}

function throwInvalid(path: string): void {
  const violations = new Violations();
  violations.add(path, "must be { username, password } or { identityToken }, with string values");
  violations.throwIfAny("invalid_option", "invalid registry credentials");
}
