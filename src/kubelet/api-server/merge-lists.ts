// Strategic merge patches of lists whose elements are merged by a key.

/** An element of such a list. */
type Element = Readonly<Record<string, unknown>>;

/**
 * Whether two values are the same to an API server, whatever the order of their keys. It writes what is missing as null, as an empty object
 * or not at all.
 */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (isEmpty(one) || isEmpty(other)) return isEmpty(one) && isEmpty(other);
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    return one.every((value, index) => isSameJson(value, other[index]));
  }
  const [left, right] = [one as Element, other as Element];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => isSameJson(left[key], right[key]));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/**
 * Returns the patch from one list to another one, whose elements are merged by the field `key`: the elements that differ, with null for
 * fields that end, and those to delete. Returns undefined when the lists are equal.
 */
export function mergeListPatch<T extends object>(
  before: readonly T[],
  after: readonly T[],
  key: keyof T & string,
): Element[] | undefined {
  const elements: Element[] = [];
  for (const element of after) {
    const old = before.find((one) => one[key] === element[key]);
    if (old !== undefined && isSameJson(old, element)) continue;
    const removed = Object.entries(old ?? {}).flatMap(([name, value]) =>
      isEmpty(value) || (element as Element)[name] !== undefined ? [] : [name],
    );
    elements.push({ ...element, ...Object.fromEntries(removed.map((name) => [name, null])) });
  }
  for (const old of before)
    if (!after.some((one) => one[key] === old[key])) elements.push({ $patch: "delete", [key]: old[key] });
  return elements.length === 0 ? undefined : elements;
}

/** Returns the patch that replaces a list as a whole, in this order, although its elements would be merged. */
export function replaceListPatch(after: readonly object[]): object[] {
  return [{ $patch: "replace" }, ...after];
}
