import type { NodeState } from "./node-state.js";

/** What the views have in common. */
export interface App {
  readonly state: NodeState;
  /** Draws the page anew with the next frame. */
  readonly redraw: () => void;
}

/** A view: a path in the fragment of the page's address. */
export type Route =
  | { readonly view: "overview" }
  | { readonly view: "images" }
  | { readonly view: "events" }
  | { readonly view: "pod"; readonly podId: string }
  | { readonly view: "container"; readonly podId: string; readonly name: string };

export function readRoute(fragment: string): Route {
  const [view, ...names] = fragment.replace(/^#\/?/, "").split("/").map(decode);
  const [podId = "", name = ""] = names;
  if (view === "images" || view === "events") return { view };
  if (view === "pod" && podId !== "") return { view, podId };
  if (view === "container" && name !== "") return { view, podId, name };
  return { view: "overview" };
}

export function podLink(podId: string): string {
  return `#/pod/${encodeURIComponent(podId)}`;
}

export function containerLink({ podId, name }: { readonly podId: string; readonly name: string }): string {
  return `#/container/${encodeURIComponent(podId)}/${encodeURIComponent(name)}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
