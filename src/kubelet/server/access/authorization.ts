import { messageOf, monotonicMs } from "../../../core/index.js";
import { HttpError } from "../http-error.js";
import type { KubeletAccess, KubeletAccessDecision, KubeletServerOptions, KubeletUser } from "../options.js";
import { ReviewCache } from "./review-cache.js";

const allowedMs = 300_000;
const deniedMs = 30_000;
const reviewTimeoutMs = 10_000;
const maxDecisions = 10_000;

const administrators = "system:masters";

/** The verbs of a SubjectAccessReview by the method of HTTP. */
const verbs: Readonly<Record<string, string>> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** What a request is about. */
export interface RequestedAccess {
  readonly method: string;
  readonly path: string;
  /** The subresources of the node that permit the request; one is enough. The first ones are the narrowest. */
  readonly subresources: readonly string[];
}

/** Decides what users may do. */
export class Authorizer {
  readonly #nodeName: string;
  readonly #authorize: KubeletServerOptions["authorize"];
  readonly #cache: ReviewCache<KubeletAccessDecision>;

  constructor(
    nodeName: string,
    { authorize }: Pick<KubeletServerOptions, "authorize">,
    now: () => number = monotonicMs,
  ) {
    this.#nodeName = nodeName;
    this.#authorize = authorize;
    this.#cache = new ReviewCache({
      maxEntries: maxDecisions,
      lifetimeMs: ({ allowed }) => (allowed ? allowedMs : deniedMs),
      timeoutMs: reviewTimeoutMs,
      now,
    });
  }

  /** Rejects with the status 403 for a request that is not permitted, and with 500 when that could not be found out. */
  async check(
    user: KubeletUser,
    { method, path, subresources }: RequestedAccess,
    signal: AbortSignal,
  ): Promise<void> {
    const verb = verbs[method] ?? method.toLowerCase();
    const describe = () =>
      `(user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(" ")}])`;
    for (const subresource of subresources) {
      const access: KubeletAccess = { verb, resource: "nodes", subresource, name: this.#nodeName, path };
      let decision: KubeletAccessDecision;
      try {
        decision = await this.#decide(user, access, signal);
      } catch (error) {
        throw new HttpError(500, `Authorization error ${describe()}: ${messageOf(error)}`);
      }
      if (decision.allowed) return;
    }
    throw new HttpError(403, `Forbidden ${describe()}`);
  }

  async #decide(
    user: KubeletUser,
    access: KubeletAccess,
    signal: AbortSignal,
  ): Promise<KubeletAccessDecision> {
    const authorize = this.#authorize;
    if (!authorize) return { allowed: user.groups?.includes(administrators) ?? false };
    const { name, uid, groups, extra } = user;
    const key = JSON.stringify([name, uid, groups, extra, access.verb, access.subresource]);
    return this.#cache.get(key, signal, (shared) => authorize(user, access, shared));
  }
}
