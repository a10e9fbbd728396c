import { checkArgument } from "../../core/index.js";
import type { Pod } from "../api/index.js";
import { keyed } from "../argument-checks.js";

/** A token of a service account that a volume of a Pod needs. */
export interface TokenRequest {
  /** The key of the token in {@link PodInputs.serviceAccountTokens}: `VOLUME/PATH`. */
  readonly key: string;
  /** The name of the volume. */
  readonly volume: string;
  /** The path of the file in the volume. */
  readonly path: string;
  /** Whom the token is for. Undefined: the API server itself. */
  readonly audience: string | undefined;
  /** How long the token is to be valid. The default of the API is 3600. */
  readonly expirationSeconds: number;
}

/** The default of the API. */
const defaultExpirationSeconds = 3600;

/**
 * Returns the tokens that the volumes of a Pod need: its `serviceAccountToken` sources. All of them are of the service account of the Pod,
 * `spec.serviceAccountName` or `default`.
 */
export function tokenRequests(pod: Pod): readonly TokenRequest[] {
  checkArgument("tokenRequests", "pod", pod, keyed);
  return (pod.spec?.volumes ?? []).flatMap(({ name: volume, projected }) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken: token }) => {
      if (token === undefined) return [];
      const { audience, expirationSeconds = defaultExpirationSeconds, path } = token;
      return [
        { key: tokenKey(volume, path), volume, path, audience: audience || undefined, expirationSeconds },
      ];
    }),
  );
}

/** Returns the key of a token in {@link PodInputs.serviceAccountTokens}. */
export function tokenKey(volume: string, path: string): string {
  return `${volume}/${path}`;
}
