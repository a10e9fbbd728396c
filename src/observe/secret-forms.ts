/** Shorter texts stand in every sentence; blotting them out would hide nothing and spoil all. */
const shortestSecret = 4;

/**
 * How a secret may stand in somebody's error: as it is, as JSON and Go quote it, escaped for a URL by JavaScript or by Go (a query
 * or a path), and in base64, where it is alone or behind its user's name.
 */
export function secretForms(secret: string, username?: string): string[] {
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    base64(secret),
    ...(username === undefined ? [] : [base64(`${username}:${secret}`)]),
    ...(isWellFormed(secret) ? escapes(secret) : []),
  ];
  return secret.length < shortestSecret ? [] : [...new Set(forms)];
}

/** A text with something else in the place of all these; the longest first, since it may contain a shorter one. */
export function blotOut(text: string, forms: Iterable<string>, mask: string): string {
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, form) => rest.replaceAll(form, () => mask), text);
}

/** Padding is left out: where something follows, it is encoded otherwise. */
function base64(text: string): string {
  return Buffer.from(text).toString("base64").replace(/=+$/, "");
}

/** JavaScript's; Go's QueryEscape, which has a plus for a space; Go's PathEscape, which leaves more as it is. */
function escapes(text: string): string[] {
  const script = encodeURIComponent(text);
  const query = script.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const path = query.replace(/%(24|26|2B|3A|3D|40)/g, (sign) => decodeURIComponent(sign));
  return [script, query.replaceAll("%20", "+"), query, path];
}

/** Half of a character cannot be escaped. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
