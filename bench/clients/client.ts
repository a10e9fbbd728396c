/** The calls of one measured library, written as its users would write them. */
export interface BenchClient {
  version(): Promise<unknown>;
  /** Lists that many containers: the servers of the benchmark read the number from the filter. */
  list(containers: number): Promise<unknown>;
}

/** The deadline of all calls, in milliseconds. */
export const timeoutMs = 120_000;

/** The filter of a list request. */
export function filterFor(containers: number): { readonly id: string } {
  return { id: String(containers) };
}
