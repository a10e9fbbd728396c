import type { CallOptions } from "../../core/index.js";

/** How far a copy is. */
export interface CopyProgress {
  /** Bytes of file contents that were sent or written so far. */
  readonly bytes: number;
  /** Files that were begun so far. */
  readonly files: number;
  /** The file that is under way, relative to what is copied; empty for a single file. */
  readonly path: string;
}

/** Options of both directions. */
export interface CopyOptions extends Pick<CallOptions, "signal"> {
  /**
   * The deadline of the whole copy in milliseconds, however many commands it takes; 0 and Infinity mean none.
   * @default none
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Hears how far the copy is: at most ten times a second, and at the end. The copy fails with `copy_failed` when it
   * throws.
   */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** How something is copied into a container. */
export interface CopyToOptions extends CopyOptions {
  /**
   * Which files and folders below the source are copied, by their path relative to it (`src/index.ts`). A folder that
   * is left out takes what is in it along. The copy fails with `copy_failed` when it throws.
   * @default all
   */
  readonly filter?: ((path: string) => boolean) | undefined;
  /**
   * Whom the copies belong to in the container. Only a container whose commands run as root can give files away.
   * @default root (0, 0)
   */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/** How something is copied out of a container. */
export type CopyFromOptions = CopyOptions;

/** What is copied into a container: a path of this machine, or the contents of a file. */
export type CopySource =
  | string
  | {
      readonly content: string | Uint8Array;
      /** @default 0o644 */
      readonly mode?: number | undefined;
    };

/** What was copied. */
export interface CopyResult {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  /** Bytes of file contents. */
  readonly bytes: number;
  /**
   * What was not copied, by its path relative to the source, and why: devices, sockets, pipes, links that lead outside,
   * names that are not UTF-8. Also files that were copied, but changed while they were read.
   */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}
