import type { ConnectionOptions } from "node:tls";

/** Node's TLS options: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized`. */
export type TlsOptions = Pick<ConnectionOptions, "ca" | "cert" | "key" | "servername" | "rejectUnauthorized">;
