import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign, verify } from "node:crypto";
import { badRequest, conflict, invalid, notFound } from "./api-error.js";
import { isList, isObject, type JsonObject, listAt, numberAt, objectAt, textAt } from "./json.js";
import { timestamp } from "./kube-object.js";
import { resourceNamed } from "./resources.js";
import type { ObjectStore } from "./store.js";
import type { User } from "./users.js";

const issuer = "https://kubernetes.default.svc.cluster.local";
const minimumSeconds = 600;
const serviceAccounts = resourceNamed("serviceaccounts");
const pods = resourceNamed("pods");

/** A user, and the audiences of the token. */
export interface TokenUser {
  readonly user: User;
  readonly audiences: readonly string[];
}

/** Signs and checks the tokens of service accounts (JWTs, ES256), and knows the fixed tokens of a test. */
export class Tokens {
  readonly #store: ObjectStore;
  readonly #keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly #keyId: string;
  readonly #fixed = new Map<string, User>();
  /** Overrides the lifetime of all tokens, in seconds: for tests of rotation. */
  lifetimeSeconds: number | undefined;

  constructor(store: ObjectStore) {
    this.#store = store;
    this.#keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const der = this.#keys.publicKey.export({ type: "spki", format: "der" });
    this.#keyId = createHash("sha256").update(der).digest("base64url");
  }

  /** Makes a token of a test known. */
  add(token: string, user: User): void {
    this.#fixed.set(token, { ...user, groups: [...user.groups, "system:authenticated"] });
  }

  /** Answers a TokenRequest for a service account. */
  request(namespace: string, name: string, request: JsonObject): JsonObject {
    const account = this.#store.get("serviceaccounts", namespace, name);
    if (!account) throw notFound(serviceAccounts, name);
    const spec = objectAt(request, "spec");
    const seconds = numberAt(spec, "expirationSeconds") ?? 3600;
    const field = { ...serviceAccounts, group: "authentication.k8s.io", kind: "TokenRequest" };
    if (seconds < minimumSeconds)
      throw invalid(
        field,
        "",
        "spec.expirationSeconds",
        `Invalid value: ${seconds}: may not specify a duration less than 10 minutes`,
      );
    const given = listAt(spec, "audiences").map(String);
    const audiences = given.length > 0 ? given : [issuer];
    const now = Math.floor(Date.now() / 1000);
    const valid = this.lifetimeSeconds ?? seconds;
    const claims = {
      aud: audiences,
      exp: now + valid,
      iat: now,
      iss: issuer,
      jti: randomUUID(),
      "kubernetes.io": {
        namespace,
        ...this.#bound(namespace, name, objectAt(spec, "boundObjectRef")),
        serviceaccount: { name, uid: account.metadata.uid },
      },
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${name}`,
    };
    return {
      kind: "TokenRequest",
      apiVersion: "authentication.k8s.io/v1",
      metadata: { name, namespace, creationTimestamp: timestamp() },
      spec: { ...spec, audiences, expirationSeconds: seconds },
      status: { token: this.#sign(claims), expirationTimestamp: timestamp((now + valid) * 1000) },
    };
  }

  /** Returns whose token it is; undefined for one that is unknown, expired, or bound to an object that is gone. */
  check(token: string, audiences: readonly string[] = []): TokenUser | undefined {
    const fixed = this.#fixed.get(token);
    if (fixed) return { user: fixed, audiences: audiences.length > 0 ? audiences : [issuer] };
    const claims = this.#verified(token);
    const exp = numberAt(claims, "exp") ?? 0;
    if (!claims || exp * 1000 <= Date.now()) return undefined;
    const tokenAudiences = listAt(claims, "aud").map(String);
    const wanted = audiences.length > 0 ? audiences : [issuer];
    const common = wanted.filter((one) => tokenAudiences.includes(one));
    if (common.length === 0) return undefined;
    const bound = objectAt(claims, "kubernetes.io");
    const namespace = textAt(bound, "namespace");
    const account = objectAt(bound, "serviceaccount");
    const uid = textAt(account, "uid");
    if (this.#store.get("serviceaccounts", namespace, textAt(account, "name"))?.metadata.uid !== uid)
      return undefined;
    const pod = objectAt(bound, "pod");
    if (isObject(bound.pod)) {
      const stored = this.#store.get("pods", namespace, textAt(pod, "name"));
      if (stored?.metadata.uid !== textAt(pod, "uid")) return undefined;
    }
    const extra = {
      "authentication.kubernetes.io/credential-id": [`JTI=${textAt(claims, "jti")}`],
      ...(isObject(bound.pod) && {
        "authentication.kubernetes.io/pod-name": [textAt(pod, "name")],
        "authentication.kubernetes.io/pod-uid": [textAt(pod, "uid")],
      }),
    };
    const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
    return { user: { name: textAt(claims, "sub"), uid, groups, extra }, audiences: common };
  }

  /** Checks the object that a token shall be bound to, and returns the claims about it. */
  #bound(namespace: string, account: string, reference: JsonObject): JsonObject {
    const [kind, name, uid] = ["kind", "name", "uid"].map((field) => textAt(reference, field));
    if (kind === "") return {};
    if (kind !== "Pod" || name === undefined)
      throw badRequest(`cannot bind token for serviceaccount "${account}" to a ${kind}`);
    const pod = this.#store.get("pods", namespace, name);
    if (!pod) throw notFound(pods, name);
    if (uid !== pod.metadata.uid && uid !== "")
      throw conflict(
        pods,
        name,
        `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    if (textAt(pod, "spec", "serviceAccountName") !== account)
      throw badRequest(
        `cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`,
      );
    const node = textAt(pod, "spec", "nodeName");
    return { pod: { name, uid: pod.metadata.uid }, ...(node && { node: { name: node } }) };
  }

  #sign(claims: object): string {
    const parts = [{ alg: "ES256", kid: this.#keyId }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString("base64url"),
    );
    const input = parts.join(".");
    const signature = sign("sha256", Buffer.from(input), {
      key: this.#keys.privateKey,
      dsaEncoding: "ieee-p1363",
    });
    return `${input}.${signature.toString("base64url")}`;
  }

  #verified(token: string): JsonObject | undefined {
    const [header = "", payload = "", signature = "", ...rest] = token.split(".");
    if (signature === "" || rest.length > 0) return undefined;
    const key = { key: this.#keys.publicKey, dsaEncoding: "ieee-p1363" as const };
    const isRight = verify(
      "sha256",
      Buffer.from(`${header}.${payload}`),
      key,
      Buffer.from(signature, "base64url"),
    );
    if (!isRight) return undefined;
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    return isObject(claims) && isList(claims.aud) ? claims : undefined;
  }
}
