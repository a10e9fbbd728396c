import { invalidOption } from "../core/index.js";
import type { SocketFileOptions } from "./socket-file.js";
import type { ServerTlsOptions } from "./streaming/options.js";

/** How {@link serve} serves; the limits are containerd's. */
export interface ServeOptions extends SocketFileOptions {
  /**
   * The largest request that is read, in bytes; a larger one is answered with `resource_exhausted`.
   * @default 16_777_216
   */
  readonly readLimitBytes?: number | undefined;
  /**
   * The largest answer that is sent, in bytes; instead of a larger one goes `resource_exhausted`.
   * @default 16_777_216
   */
  readonly writeLimitBytes?: number | undefined;
  /** The certificate of an `https://` endpoint. */
  readonly tls?: ServerTlsOptions | undefined;
}

/** {@link ServeOptions}, complete and checked. */
export interface ResolvedServeOptions extends SocketFileOptions {
  readonly readLimitBytes: number;
  readonly writeLimitBytes: number;
  readonly tls: ServerTlsOptions | undefined;
}

const defaultLimitBytes = 16 * 2 ** 20;

/** Fills in the defaults and checks everything. Throws `invalid_option`. */
export function resolveServeOptions(options: ServeOptions): ResolvedServeOptions {
  const { mode, owner, tls, readLimitBytes, writeLimitBytes } = options;
  if (mode !== undefined && !(Number.isInteger(mode) && mode >= 0 && mode <= 0o777))
    throw invalidOption("mode", mode, "must be permissions from 0o000 to 0o777");
  for (const part of ["uid", "gid"] as const)
    if (owner && !(Number.isInteger(owner[part]) && owner[part] >= 0))
      throw invalidOption(`owner.${part}`, owner[part], "must be a whole number from 0");
  return Object.freeze({
    mode,
    owner,
    tls,
    readLimitBytes: limit("readLimitBytes", readLimitBytes),
    writeLimitBytes: limit("writeLimitBytes", writeLimitBytes),
  });
}

function limit(name: string, value = defaultLimitBytes): number {
  if (Number.isInteger(value) && value >= 1 && value < 2 ** 31) return value;
  throw invalidOption(name, value, "must be a whole number from 1 to 2147483647");
}
