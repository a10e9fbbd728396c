import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { CriError } from "../../core/index.js";

/** What a registry is shown: a name with a password, or an identity token, which containerd alone understands. */
export type RegistryCredentials =
  | {
      /** CRI `AuthConfig.username`. */
      readonly username: string;
      /** CRI `AuthConfig.password`: a password, or what the registry takes for one. */
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

/** Credentials that can be used, compared and blotted out, and that no log shows. */
export class Login {
  readonly #username: string;
  readonly #secret: string;
  readonly #isToken: boolean;

  /** Throws `invalid_option`, without the values: they are secrets. */
  constructor(given: unknown, path: string) {
    const { username, password, identityToken } = fieldsOf(given);
    const named = isText(username) && isText(password);
    const token = isText(identityToken) && identityToken !== "";
    if (named === token || (named && username === "")) throw unusable(path);
    this.#isToken = token;
    this.#username = named ? username : "";
    this.#secret = named ? password : String(identityToken);
  }

  /** CRI's AuthConfig. Never with a `server_address`: runtimes drop the rest when it is not written their way. */
  toAuth(): { username: string; password: string } | { identityToken: string } {
    return this.#isToken
      ? { identityToken: this.#secret }
      : { username: this.#username, password: this.#secret };
  }

  /** The header of HTTP's basic authentication; undefined for a token. */
  get basic(): string | undefined {
    if (this.#isToken) return undefined;
    return `Basic ${Buffer.from(`${this.#username}:${this.#secret}`).toString("base64")}`;
  }

  /** The OAuth refresh token; undefined for a name with a password. */
  get identityToken(): string | undefined {
    return this.#isToken ? this.#secret : undefined;
  }

  /** Equal for equal credentials, and telling nothing of them. */
  get fingerprint(): string {
    const parts = JSON.stringify([this.#isToken, this.#username, this.#secret]);
    return createHash("sha256").update(parts).digest("hex");
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return `Login ${hidden}`;
  }
}

function fieldsOf(value: unknown): {
  readonly username?: unknown;
  readonly password?: unknown;
  readonly identityToken?: unknown;
} {
  return typeof value === "object" && value !== null ? value : {};
}

/** Half of a character cannot be sent. */
function isText(value: unknown): value is string {
  return typeof value === "string" && !/\p{Surrogate}/u.test(value);
}

function unusable(path: string): CriError {
  const message = "must be { username, password } or { identityToken }, with texts";
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_option",
    text: `${path} ${message}`,
    problems: [{ path, message }],
  });
}
