// The verbose info of runtimes is JSON of their own, in which any member may be absent.

/** Parses JSON; undefined for text that is not JSON, and for no text. */
export function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}

/** Returns a member of a value; undefined when the value has none, or is not an object. */
export function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
