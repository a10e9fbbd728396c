import { OptionTable, option } from "../../../core/index.js";

/** Where the status page is served: over HTTP, without authentication. */
export interface ReadOnlyPortOptions {
  /**
   * The address to listen on. Everyone who can reach it can read the Pods of this node and the logs of their containers.
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined;
  /** The port to listen on; 0 picks a free one. @default 10_255 */
  readonly port?: number | undefined;
}

/** The options of {@link ReadOnlyPortOptions}. */
export const readOnlyPortTable = new OptionTable<ReadOnlyPortOptions>({
  host: option.nonEmptyString,
  port: option.wholeNumber(0, 65_535),
});
