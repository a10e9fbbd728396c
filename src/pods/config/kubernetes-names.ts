/** Rules for names as the Kubernetes API has them, each giving what is wrong. */

const label = /^(?!-)[a-z0-9-]+(?<!-)$/;
const labelWords = 'must be of lower-case letters, digits and "-", with a letter or digit at both ends';
const qualified = /^(?![-_.])[A-Za-z0-9_.-]+(?<![-_.])$/;
const qualifiedWords = 'must be of letters, digits, "-", "_" and ".", with a letter or digit at both ends';

/** A DNS label: `web-0`. */
export function dnsLabel(text: string): string | undefined {
  if (text.length > 63) return "must have at most 63 characters";
  return label.test(text) ? undefined : labelWords;
}

/** A DNS subdomain, labels with dots between: `web-0.db.prod`. */
export function dnsSubdomain(text: string): string | undefined {
  if (text.length > 253) return "must have at most 253 characters";
  return text.split(".").every((part) => label.test(part))
    ? undefined
    : `${labelWords}; and dots between such parts`;
}

/** The key of a label: `app`, `example.com/app`. */
export function labelKey(text: string): string | undefined {
  const slash = text.indexOf("/");
  if (slash >= 0 && dnsSubdomain(text.slice(0, slash)) !== undefined)
    return 'must have a DNS subdomain before the "/"';
  const name = text.slice(slash + 1);
  if (name.length > 63) return "must be named with at most 63 characters";
  return qualified.test(name) ? undefined : qualifiedWords;
}

/** The key of an annotation: that of a label, but the case of its domain counts for nothing. */
export function annotationKey(text: string): string | undefined {
  const slash = text.indexOf("/");
  return labelKey(text.slice(0, slash + 1).toLowerCase() + text.slice(slash + 1));
}

/** The value of a label; it may be empty. */
export function labelValue(text: string): string | undefined {
  if (text.length > 63) return "must have at most 63 characters";
  return text === "" || qualified.test(text) ? undefined : qualifiedWords;
}

/** The uid of a pod. It becomes a part of paths, where the last `_` stands before it. */
export function podUidRule(text: string): string | undefined {
  if (text.length > 63) return "must have at most 63 characters";
  return qualified.test(text) && !text.includes("_")
    ? undefined
    : 'must be of letters, digits, "-" and ".", with a letter or digit at both ends';
}
