import type { PullCredentials } from "./pull-credentials.js";

/**
 * Which Pods may use the images that this process pulled: an image that was pulled with a pull secret is available only to Pods whose pull
 * secrets contain the same credentials for it, as in kubelets since 1.35. Images that were on the node before are available to all, and
 * so are images that were pulled without credentials or with those of the node. In memory only.
 */
export class PullAccess {
  readonly #byId = new Map<string, Set<string> | "everyone">();

  /** Notes the credentials of a pull; undefined for none. */
  pulled(imageId: string, credentials: PullCredentials | undefined): void {
    const known = this.#byId.get(imageId);
    if (credentials === undefined || !credentials.isOfPod) this.#byId.set(imageId, "everyone");
    else if (known === undefined) this.#byId.set(imageId, new Set([credentials.secret.fingerprint]));
    else if (known !== "everyone") known.add(credentials.secret.fingerprint);
  }

  /** Returns whether every Pod may use an image; otherwise, credentials decide. */
  isOpen(imageId: string): boolean {
    const known = this.#byId.get(imageId);
    return known === undefined || known === "everyone";
  }

  /** Returns whether a Pod with these credentials may use an image. */
  allows(imageId: string, credentials: readonly PullCredentials[]): boolean {
    const known = this.#byId.get(imageId);
    if (known === undefined || known === "everyone") return true;
    return credentials.some(({ isOfPod, secret }) => isOfPod && known.has(secret.fingerprint));
  }
}
