import { askedFor } from "../shim/filter.js";

type Filter = NonNullable<Parameters<typeof askedFor>[0]>;
type Entry = Omit<Parameters<ReturnType<typeof askedFor>>[0], "state"> & { readonly state?: number };

/** Returns the entries that a filter of CRI selects. A prefix of several ids selects none, as on containerd. */
export function select<T extends Entry>(entries: readonly T[], filter: Filter | undefined): T[] {
  const prefix = filter?.id ?? "";
  const named = entries.filter(({ id }) => id.startsWith(prefix));
  if (prefix !== "" && named.length > 1) return [];
  // Entries without a state are those of stats, whose filters have none either.
  return named.filter((entry) => askedFor(filter)({ state: 0, ...entry }));
}
