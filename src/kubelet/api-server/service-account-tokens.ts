import { type LinkedController, linkedController } from "../../core/index.js";
import { type Pod, type TokenRequest, tokenRequests } from "../../kubernetes/index.js";
import { resourcePath } from "./api-client.js";
import { type ApiContext, RetryDelays } from "./api-context.js";
import { ApiServerError } from "./api-error.js";
import type { AwaitedRead } from "./awaited-reads.js";

/** The share of a token's lifetime after which it is replaced, the longest time that one is used, and how much that may vary. */
const renewalShare = 0.8;
const maxAgeMs = 24 * 3_600_000;
const maxJitterMs = 10_000;

/** The answer of the API server. */
interface IssuedToken {
  readonly spec?: { readonly expirationSeconds?: number };
  readonly status?: { readonly token?: string };
}

/** A token that is kept current. */
interface KeptToken {
  readonly controller: LinkedController;
  readonly waiters: Set<() => void>;
  token: string | undefined;
  failure: unknown;
}

/** The dependencies of {@link ServiceAccountTokens} besides the context. */
export interface ServiceAccountTokensOptions {
  /** Ends the renewal of all tokens. */
  readonly signal: AbortSignal;
  /** Called when a token of a Pod was replaced. */
  readonly refresh: (uids: readonly string[]) => void;
}

/**
 * The tokens in the projected volumes of Pods, each bound to its Pod. They are replaced after 80 % of their lifetime, or a day, as by the
 * kubelet; while that fails, the old ones stay.
 */
export class ServiceAccountTokens {
  readonly #context: ApiContext;
  readonly #options: ServiceAccountTokensOptions;
  /** By the uid of the Pod, then by the reference. */
  readonly #pods = new Map<string, Map<string, KeptToken>>();

  constructor(context: ApiContext, options: ServiceAccountTokensOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Requests the tokens of a Pod, and keeps them current. */
  retain(pod: Pod): void {
    const { uid = "" } = pod.metadata ?? {};
    const references = tokenRequests(pod);
    if (references.length === 0) return;
    const tokens = this.#pods.get(uid) ?? new Map<string, KeptToken>();
    this.#pods.set(uid, tokens);
    for (const reference of references)
      if (!tokens.has(reference.key)) tokens.set(reference.key, this.#keep(pod, reference));
  }

  /** Forgets the tokens of all Pods but these. */
  keepOnly(uids: ReadonlySet<string>): void {
    for (const [uid, tokens] of this.#pods)
      if (!uids.has(uid)) {
        for (const { controller } of tokens.values()) controller.abort();
        this.#pods.delete(uid);
      }
  }

  /** Returns what is still awaited of a Pod's tokens. */
  unread(pod: Pod): AwaitedRead[] {
    return [...(this.#pods.get(pod.metadata?.uid ?? "") ?? [])].flatMap(([key, kept]) => {
      if (kept.token !== undefined) return [];
      const reader = {
        get failure() {
          return kept.failure;
        },
        onceSynced: (callback: () => void) => {
          kept.waiters.add(callback);
          return () => void kept.waiters.delete(callback);
        },
      };
      return [{ what: `the token ${key}`, reader }];
    });
  }

  /** Returns the tokens of a Pod by `VOLUME/PATH`. */
  inputs(pod: Pod): Readonly<Record<string, string>> {
    const tokens = [...(this.#pods.get(pod.metadata?.uid ?? "") ?? [])];
    return Object.fromEntries(
      tokens.flatMap(([key, { token }]) => (token === undefined ? [] : [[key, token]])),
    );
  }

  #keep(pod: Pod, reference: TokenRequest): KeptToken {
    const controller = linkedController(this.#options.signal);
    const kept: KeptToken = { controller, waiters: new Set(), token: undefined, failure: undefined };
    void this.#run(pod, reference, kept)
      .catch(() => undefined)
      .finally(controller.unlink);
    return kept;
  }

  /** Rejects when the signal fires. */
  async #run(pod: Pod, reference: TokenRequest, kept: KeptToken): Promise<void> {
    const { clock } = this.#context;
    const { signal } = kept.controller;
    const delays = new RetryDelays(this.#context);
    const { uid = "" } = pod.metadata ?? {};
    for (;;)
      try {
        const { token, renewInMs } = await this.#request(pod, reference, signal);
        signal.throwIfAborted();
        kept.token = token;
        delays.reset();
        for (const callback of kept.waiters) callback();
        kept.waiters.clear();
        this.#options.refresh([uid]);
        await clock.sleep(renewInMs, signal);
      } catch (error) {
        signal.throwIfAborted();
        kept.failure = error;
        await delays.wait(error, signal);
      }
  }

  async #request(pod: Pod, reference: TokenRequest, signal: AbortSignal) {
    const { name, namespace, uid } = pod.metadata ?? {};
    const { audience, expirationSeconds } = reference;
    const serviceAccount = pod.spec?.serviceAccountName || "default";
    const path = resourcePath({
      ...{ namespace, resource: "serviceaccounts" },
      ...{ name: serviceAccount, subresource: "token" },
    });
    const { spec, status } = await this.#context.client.request<IssuedToken>("POST", path, {
      signal,
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          ...(audience !== undefined && { audiences: [audience] }),
          expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      },
    });
    if (!status?.token) throw new ApiServerError("the response to a TokenRequest has no token");
    // The API server may grant less than what was asked for. Its clock may differ from that of the node: a duration does not.
    const lifetimeMs = (spec?.expirationSeconds ?? expirationSeconds) * 1_000;
    const renewInMs = Math.min(lifetimeMs * renewalShare, maxAgeMs) - Math.random() * maxJitterMs;
    return { token: status.token, renewInMs: Math.max(1_000, renewInMs) };
  }
}
