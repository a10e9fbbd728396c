// What lists are filtered by: CRI's two filters, of sandboxes and of containers, are the same but for one field.

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

/** Gives whether an object is asked for; ids may be cut off, as crictl shows them. */
export const askedFor = (filter: Filter | undefined) => (one: Listed) =>
  !filter ||
  (one.id.startsWith(filter.id) &&
    (one.podSandboxId ?? "").startsWith(filter.podSandboxId ?? "") &&
    (!filter.state || filter.state.state === one.state) &&
    Object.entries(filter.labelSelector).every(([key, value]) => one.labels[key] === value));
