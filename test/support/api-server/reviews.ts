import type { AccessRequest } from "./authorization.js";
import { isObject, type JsonObject, listAt, objectAt, textAt } from "./json.js";
import type { RequestInfo } from "./request-info.js";
import type { Tokens } from "./tokens.js";
import type { User } from "./users.js";

/** The dependencies of the reviews. */
export interface ReviewSources {
  readonly tokens: Tokens;
  /** Returns why not, or undefined. */
  readonly refusal: (request: AccessRequest) => string | undefined;
}

/** Answers TokenReview, SubjectAccessReview and their relatives. Returns undefined for anything else. */
export function review(
  { resource }: RequestInfo,
  body: JsonObject,
  user: User,
  { tokens, refusal }: ReviewSources,
): JsonObject | undefined {
  const answer = (status: JsonObject): JsonObject => ({ ...body, status });
  switch (resource) {
    case "tokenreviews": {
      const audiences = listAt(body, "spec", "audiences").map(String);
      const found = tokens.check(textAt(body, "spec", "token"), audiences);
      if (!found) return answer({ authenticated: false, user: {}, error: "[invalid bearer token]" });
      return answer({ authenticated: true, user: userInfo(found.user), audiences: found.audiences });
    }
    case "selfsubjectreviews":
      return answer({ userInfo: userInfo(user) });
    case "subjectaccessreviews":
    case "localsubjectaccessreviews":
    case "selfsubjectaccessreviews": {
      const spec = objectAt(body, "spec");
      const extra = Object.entries(objectAt(spec, "extra")).map(([name]) => [
        name,
        listAt(spec, "extra", name).map(String),
      ]);
      const asked: User = {
        name: textAt(spec, "user"),
        groups: listAt(spec, "groups").map(String),
        uid: textAt(spec, "uid"),
        extra: Object.fromEntries(extra),
      };
      const request = accessRequest(spec, resource === "selfsubjectaccessreviews" ? user : asked);
      const reason = refusal(request);
      return answer(reason === undefined ? { allowed: true } : { allowed: false, reason });
    }
    default:
      return undefined;
  }
}

function accessRequest(spec: JsonObject, user: User): AccessRequest {
  const attributes = objectAt(spec, "resourceAttributes");
  const isResource = isObject(spec.resourceAttributes);
  return {
    user,
    verb: textAt(isResource ? attributes : objectAt(spec, "nonResourceAttributes"), "verb"),
    group: textAt(attributes, "group"),
    resource: textAt(attributes, "resource"),
    subresource: textAt(attributes, "subresource"),
    namespace: textAt(attributes, "namespace"),
    name: textAt(attributes, "name"),
    fieldSelector: textAt(attributes, "fieldSelector", "rawSelector"),
    path: isResource ? "" : textAt(spec, "nonResourceAttributes", "path"),
  };
}

function userInfo({ name, uid, groups, extra }: User): JsonObject {
  return { username: name, ...(uid && { uid }), groups, ...(extra && { extra }) };
}
