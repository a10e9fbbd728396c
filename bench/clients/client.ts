/** What each measured library can do here: the calls as a user of it would write them. */
export interface BenchClient {
  version(): Promise<unknown>;
  list(): Promise<unknown>;
  close(): Promise<void> | void;
}

/** The sockets of the runtime under test; the two are the same for a real one. */
export interface Sockets {
  readonly version: string;
  readonly list: string;
}

/** The deadline that every library is given, as users of a runtime do. */
export const timeoutMs = 120_000;
