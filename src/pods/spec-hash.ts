import { createHash } from "node:crypto";
import type { ContainerSpec, PodSpec } from "./config/index.js";

/** What does not make another pod or container of it: who it is, and how it comes about. */
const identity: ReadonlySet<string> = new Set(["name", "namespace", "uid", "attempt", "pullPolicy"]);

/**
 * A hash of what a pod or container is made from: the same for specs that say the same, in whatever order. It is that of the
 * spec and not of the config, so that another version of this package with other defaults recreates nothing.
 */
export function specHash(spec: PodSpec | ContainerSpec): string {
  const said = Object.entries(spec).filter(([key]) => !identity.has(key));
  return createHash("sha256")
    .update(canonical(Object.fromEntries(said)))
    .digest("hex")
    .slice(0, 32);
}

function canonical(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes:${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}
