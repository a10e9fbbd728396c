import type { ImageReference } from "../../core/index.js";
import type { RegistryCredentials } from "./login.js";

/** How a look for credentials is ended. */
export interface CredentialLookup {
  /** Fires when nobody waits for them any more. */
  readonly signal: AbortSignal;
}

/** Where credentials come from: made by {@link dockerAuth}, {@link podmanAuth} and {@link keyring}, or by you. */
export interface CredentialSource {
  /** What errors call it; shows no secret. */
  readonly name: string;
  /** All credentials that may be right for an image, the likeliest first; none is no error. Asked at each pull. */
  find(
    image: ImageReference,
    lookup: CredentialLookup,
  ): Promise<readonly RegistryCredentials[]> | readonly RegistryCredentials[];
}

/** A function that gives credentials for an image, or undefined where it has none. */
export type CredentialFunction = (
  image: ImageReference,
  lookup: CredentialLookup,
) => Awaitable<RegistryCredentials | readonly RegistryCredentials[] | undefined>;

type Awaitable<T> = T | Promise<T>;

/** Credentials, or somebody who has some; a list of them is asked in its order. `[]` means none. */
export type ImageAuth = OneImageAuth | readonly OneImageAuth[];
type OneImageAuth = RegistryCredentials | CredentialSource | CredentialFunction;
