import type { KubeletAccess, KubeletAccessDecision, KubeletUser } from "../server/index.js";
import type { ApiClient } from "./api-client.js";
import { resourcePath } from "./api-client.js";

/** Reviews a token: returns its user, or undefined for an invalid token. */
export async function reviewToken(
  client: ApiClient,
  token: string,
  signal?: AbortSignal,
): Promise<KubeletUser | undefined> {
  const { status } = await client.request<TokenReview>("POST", resourcePath(tokenReviews), {
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } },
    signal,
  });
  const { username: name, ...user } = status?.user ?? {};
  return status?.authenticated && name ? { ...user, name } : undefined;
}

/** Asks whether a user may do this. */
export async function reviewAccess(
  client: ApiClient,
  { name: user, uid, groups, extra }: KubeletUser,
  { verb, resource, subresource, name }: KubeletAccess,
  signal?: AbortSignal,
): Promise<KubeletAccessDecision> {
  const { status } = await client.request<SubjectAccessReview>("POST", resourcePath(accessReviews), {
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        ...{ user, uid, groups, extra },
        resourceAttributes: { verb, version: "v1", resource, subresource, name },
      },
    },
    signal,
  });
  const reason = status?.reason || status?.evaluationError;
  return { allowed: status?.allowed === true && status.denied !== true, ...(reason && { reason }) };
}

const tokenReviews = { group: "authentication.k8s.io", resource: "tokenreviews" } as const;
const accessReviews = { group: "authorization.k8s.io", resource: "subjectaccessreviews" } as const;

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly user?: {
      readonly username?: string;
      readonly uid?: string;
      readonly groups?: readonly string[];
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
}

interface SubjectAccessReview {
  readonly status?: {
    readonly allowed?: boolean;
    readonly denied?: boolean;
    readonly reason?: string;
    readonly evaluationError?: string;
  };
}
