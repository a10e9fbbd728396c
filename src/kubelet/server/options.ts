import { isBytes, OptionTable, option, tlsTable } from "../../core/index.js";
import type { StreamingOptions } from "../../streaming/index.js";

/** A user of the kubelet's API: of a client certificate (CN is the name, O the groups), or of a token. */
export interface KubeletUser {
  /** The name of the user. */
  readonly name: string;
  /** The uid of the user. @default none */
  readonly uid?: string | undefined;
  /** The groups of the user. @default none */
  readonly groups?: readonly string[] | undefined;
  /** Further properties from the authentication, for the authorization. @default none */
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** The access that a request needs, with the fields of a SubjectAccessReview. */
export interface KubeletAccess {
  /** `get` for GET and HEAD, `create` for POST, `update` for PUT, `patch`, `delete`. */
  readonly verb: string;
  readonly resource: "nodes";
  /** Such as `proxy`, `metrics`, `stats`, `log`, `pods`. */
  readonly subresource: string;
  /** The name of the node. */
  readonly name: string;
  /** The path of the request, without its query. */
  readonly path: string;
}

/** The result of an authorization. */
export interface KubeletAccessDecision {
  /** Whether the request is permitted. */
  readonly allowed: boolean;
  /** Why, as in the status of a SubjectAccessReview. The response does not contain it. @default none */
  readonly reason?: string | undefined;
}

/** The certificate of the kubelet's API. */
export interface KubeletCertificate {
  /** In PEM, with the chain where there is one. */
  readonly cert: string | Buffer;
  /** In PEM. */
  readonly key: string | Buffer;
}

/** Where the health is served without authentication. */
export interface HealthEndpointOptions {
  /** @default "127.0.0.1" */
  readonly host?: string | undefined;
  /** @default 10_248; 0 picks a free one */
  readonly port?: number | undefined;
}

/**
 * Options of the kubelet's own API, on which `kubectl logs`, `exec`, `attach` and `port-forward` depend. `apiServer()` answers whose a
 * token is, and what a user may do. An API server itself shows a client certificate, for which `clientCa` is needed. Without `clientCa` and
 * without anything that knows tokens, every request is refused with 401.
 */
export interface KubeletServerOptions {
  /**
   * The address to listen on.
   * @default "::", all addresses; "0.0.0.0" on a machine without IPv6
   */
  readonly host?: string | undefined;
  /**
   * The port to listen on; 0 picks a free one.
   * @default 10_250
   */
  readonly port?: number | undefined;
  /**
   * The certificate.
   * @default a self-signed one, kept in the folder `pki` of the root folder and renewed before it expires
   */
  readonly certificate?: KubeletCertificate | undefined;
  /**
   * The certificates, in PEM, that sign the certificates of clients, such as an API server's.
   * @default none: client certificates are not asked for
   */
  readonly clientCa?: string | Buffer | undefined;
  /**
   * Returns the user of a bearer token, undefined for an unknown token: a TokenReview. Results are cached for two minutes, and those for
   * unknown tokens for ten seconds.
   * @default that of the first source that has one, such as `apiServer()`; otherwise none: tokens are refused
   */
  readonly authenticate?:
    | ((token: string, signal: AbortSignal) => Promise<KubeletUser | undefined>)
    | undefined;
  /**
   * Decides whether a user may do something: a SubjectAccessReview. Results are cached for five minutes, denials for 30 seconds.
   * @default that of the first source that has one, such as `apiServer()`; otherwise users of the group `system:masters` may do everything,
   * and others nothing
   */
  readonly authorize?:
    | ((user: KubeletUser, access: KubeletAccess, signal: AbortSignal) => Promise<KubeletAccessDecision>)
    | undefined;
  /**
   * Serves `/healthz` without authentication and without TLS, as the kubelet does on 127.0.0.1:10248.
   * @default false
   */
  readonly healthz?: false | HealthEndpointOptions | undefined;
  /**
   * How the streaming URLs of the runtime are reached.
   * @default as they are
   */
  readonly streaming?: KubeletStreamingOptions | undefined;
  /**
   * The limit of open connections; more are closed at once.
   * @default 1_000
   */
  readonly maxConnections?: number | undefined;
  /**
   * The limit of exec, attach and port-forward sessions at a time; more are refused with 429.
   * @default 500
   */
  readonly maxSessions?: number | undefined;
  /**
   * Milliseconds without a byte after which a connection is closed.
   * @default 14_400_000, four hours, as in the kubelet
   */
  readonly idleTimeoutMs?: number | undefined;
}

/** The default of {@link KubeletServerOptions.idleTimeoutMs}. */
export const defaultIdleTimeoutMs = 14_400_000;

/** How the streaming URLs of the runtime are reached. */
export type KubeletStreamingOptions = Pick<StreamingOptions, "baseUrl" | "rewriteUrl" | "dial" | "tls">;

const pemCheck = (value: string | Buffer) =>
  option.bytes(value) === undefined ? undefined : "must be a string or bytes, in PEM";

const certificateTable = new OptionTable<KubeletCertificate>({
  cert: option.required(pemCheck),
  // No error may show a key.
  key: option.required((value) =>
    typeof value === "string" || isBytes(value)
      ? undefined
      : { path: "", message: "must be a string or bytes, in PEM" },
  ),
});

const healthEndpointTable = new OptionTable<HealthEndpointOptions>({
  host: option.nonEmptyString,
  port: option.wholeNumber(0, 65_535),
});

const streamingPartsTable = new OptionTable<KubeletStreamingOptions>({
  baseUrl: option.url,
  rewriteUrl: option.callback,
  dial: option.callback,
  tls: option.nested(tlsTable),
});

/** The options of {@link KubeletServerOptions}. */
export const kubeletServerTable = new OptionTable<KubeletServerOptions>({
  host: option.nonEmptyString,
  port: option.wholeNumber(0, 65_535),
  certificate: option.nested(certificateTable),
  clientCa: pemCheck,
  authenticate: option.callback,
  authorize: option.callback,
  healthz: option.either(option.oneOf(false), option.nested(healthEndpointTable)),
  streaming: option.nested(streamingPartsTable),
  maxConnections: option.wholeNumber(1),
  maxSessions: option.wholeNumber(1),
  idleTimeoutMs: option.timerMs,
});
