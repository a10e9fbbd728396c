import { invalidOption } from "../core/index.js";
import type { NodeObject } from "./objects.js";

/** Which pods and containers to hear of. What is given must all hold; events of the connection always come. */
export interface EventFilter {
  /** Only this sandbox and its containers: its whole id. @default all */
  readonly podId?: string | undefined;
  /** Only these kinds. @default both */
  readonly kinds?: readonly ("pod" | "container")[] | undefined;
  /** Only what has all of these labels with these values, itself: pods and containers have labels of their own. @default all */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Throws {@link CriError} `invalid_option`. */
export function resolveFilter(filter: EventFilter): (object: NodeObject) => boolean {
  const { podId, kinds = ["pod", "container"], labels = {} } = filter;
  if (podId === "") throw invalidOption("podId", podId, "must be the id of a sandbox");
  for (const kind of kinds)
    if (kind !== "pod" && kind !== "container")
      throw invalidOption("kinds", kind, 'must be of "pod" and "container"');
  const wanted = Object.entries(labels);
  return (object) =>
    kinds.includes(object.kind) &&
    (podId === undefined || podId === (object.kind === "pod" ? object.id : object.podId)) &&
    wanted.every(([key, value]) => object.labels[key] === value);
}
