import { createHash } from "node:crypto";
import { isDate, isRecord } from "../../core/index.js";

/** The fields of metadata that an API server sets, and not the author of a manifest. */
const serverFields: ReadonlySet<string> = new Set([
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "selfLink",
  "uid",
]);

/** Returns the SHA-256 of what an author writes about an object: without its status, its uid, and what an API server adds. */
export function contentHash(object: { readonly metadata?: object; readonly spec?: object }): Buffer {
  const metadata = Object.entries(object.metadata ?? {}).filter(([key]) => !serverFields.has(key));
  const content = { metadata: Object.fromEntries(metadata), spec: object.spec };
  return createHash("sha256")
    .update(`cri-sdk object\0${canonicalText(content)}`)
    .digest();
}

/** Letters and digits of names that Kubernetes generates: no vowels, so that no words appear, and nothing that looks like another. */
const suffixLetters = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;
const maxGeneratedName = 63;

/** Returns a name such as an API server generates, with the end from a hash instead of chance: `web-x7k2p` for `web-`. */
export function generatedName(prefix: string, hash: Uint8Array): string {
  const suffix = [...hash.subarray(16, 16 + suffixLength)].map(
    (byte) => suffixLetters[byte % suffixLetters.length],
  );
  return prefix.slice(0, maxGeneratedName - suffixLength) + suffix.join("");
}

/** Returns JSON in which keys are sorted, and absent fields are left out however they are absent. */
function canonicalText(value: unknown): string {
  if (isDate(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (!isRecord(value)) return typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? "null");
  const entries = Object.entries(value).filter(([, one]) => one !== undefined && one !== null);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${sorted.map(([key, one]) => `${JSON.stringify(key)}:${canonicalText(one)}`).join(",")}}`;
}
