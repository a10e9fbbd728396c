import type { CriError, ImageReference } from "../../core/index.js";
import { findCredentials, type ImageAuth, type SecretCredentials } from "../../images/index.js";
import type { Secret } from "../api/index.js";
import { secretKeyring } from "./pull-secrets.js";

/** Credentials for one image. */
export interface PullCredentials {
  readonly secret: SecretCredentials;
  /** Whether they are from a pull secret of the Pod, not from the node. */
  readonly isOfPod: boolean;
}

/** What was found for one image. */
export interface FoundPullCredentials {
  /** In the order in which they are tried. */
  readonly credentials: readonly PullCredentials[];
  /** The errors of sources of the node that failed. */
  readonly failures: readonly CriError[];
}

/**
 * Returns all credentials that match an image: those of the Pod's pull secrets, then those of the node. Throws `invalid_file` for a pull
 * secret that cannot be parsed. A source of the node that fails does not hinder the others.
 */
export async function pullCredentials(
  image: ImageReference,
  secrets: readonly Secret[],
  nodeAuth: ImageAuth | undefined,
  signal: AbortSignal,
): Promise<FoundPullCredentials> {
  const ofPod = await findCredentials(secretKeyring(secrets), image, signal);
  const ofNode = await findCredentials(nodeAuth, image, signal);
  const known = new Set(ofPod.credentials.map(({ fingerprint }) => fingerprint));
  const credentials = [
    ...ofPod.credentials.map((secret) => ({ secret, isOfPod: true })),
    ...ofNode.credentials
      .filter(({ fingerprint }) => !known.has(fingerprint))
      .map((secret) => ({ secret, isOfPod: false })),
  ];
  return { credentials, failures: ofNode.failures };
}
