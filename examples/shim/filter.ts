// The filters of CRI's lists. Those of sandboxes and containers differ by one field only.

interface Filter {
  readonly id: string;
  readonly podSandboxId?: string;
  readonly state?: { readonly state: number } | undefined;
  readonly labelSelector: Readonly<Record<string, string>>;
}

interface Listed {
  readonly id: string;
  readonly podSandboxId?: string;
  readonly state: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Returns a predicate for a filter; ids may be prefixes, as crictl shows them. */
export const askedFor = (filter: Filter | undefined) => (one: Listed) =>
  !filter ||
  (one.id.startsWith(filter.id) &&
    (one.podSandboxId ?? "").startsWith(filter.podSandboxId ?? "") &&
    (!filter.state || filter.state.state === one.state) &&
    Object.entries(filter.labelSelector).every(([key, value]) => one.labels[key] === value));
