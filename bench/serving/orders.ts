/** What the benchmark asks of a server's process. The response is the CPU time of the process so far, in microseconds. */
export type ServerOrder =
  | { readonly do: "cpu" }
  /** Collects garbage. */
  | { readonly do: "rest" }
  /** Waits until there are `count` subscribers to events. */
  | { readonly do: "subscribed"; readonly count: number }
  /** Sends `count` events to each subscriber. */
  | { readonly do: "broadcast"; readonly count: number };

/** What the benchmark asks of the load's process, besides rounds. An empty order closes the connection of the subscriptions. */
export type LoadOrder =
  /** Opens a connection with that many subscriptions to events. */
  | { readonly subscribe: number }
  /** Waits for that many bytes of events; the response is their cost. */
  | { readonly receive: number }
  | Readonly<Record<string, never>>;
