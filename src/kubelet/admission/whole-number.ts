/** Reads a whole number in decimal digits; undefined for any other value. */
export function wholeNumber(text: unknown): bigint | undefined {
  if (typeof text !== "string" || !/^[+-]?\d+$/.test(text)) return undefined;
  return BigInt(text.replace("+", ""));
}
