// Rules for names, paths and image references. Each returns what is wrong with a string, or undefined.
import { isIP } from "node:net";
import { isCriError, parseReference } from "../../core/index.js";

const label = /^(?!-)[a-z0-9-]+(?<!-)$/;
const labelMessage =
  'must consist of lower-case letters, digits and "-", and start and end with a letter or digit';
const qualified = /^(?![-_.])[A-Za-z0-9_.-]+(?<![-_.])$/;
const qualifiedMessage =
  'must consist of letters, digits, "-", "_" and ".", and start and end with a letter or digit';

/** A DNS label (RFC 1123): `web-0`. */
export function dnsLabel(name: string): string | undefined {
  if (name.length > 63) return "must have at most 63 characters";
  return label.test(name) ? undefined : labelMessage;
}

/** A DNS subdomain (RFC 1123), labels separated by dots: `web-0.db.prod`. */
export function dnsSubdomain(name: string): string | undefined {
  if (name.length > 253) return "must have at most 253 characters";
  return name.split(".").every((part) => label.test(part))
    ? undefined
    : `${labelMessage}, or be several such parts separated by dots`;
}

/** The key of a Kubernetes label: `app`, `example.com/app`. */
export function labelKey(key: string): string | undefined {
  const slash = key.indexOf("/");
  if (slash >= 0 && dnsSubdomain(key.slice(0, slash)) !== undefined)
    return 'must have a DNS subdomain before the "/"';
  const name = key.slice(slash + 1);
  if (name.length > 63) return 'must have at most 63 characters after the "/"';
  return qualified.test(name) ? undefined : qualifiedMessage;
}

/** The key of a Kubernetes annotation: a label key whose domain may have upper-case letters. */
export function annotationKey(key: string): string | undefined {
  const slash = key.indexOf("/");
  return labelKey(key.slice(0, slash + 1).toLowerCase() + key.slice(slash + 1));
}

/** The value of a Kubernetes label; it may be empty. */
export function labelValue(value: string): string | undefined {
  if (value.length > 63) return "must have at most 63 characters";
  return value === "" || qualified.test(value) ? undefined : qualifiedMessage;
}

/** A pod's uid. Without `_`, which separates the parts of a log directory's name. */
export function uidRule(uid: string): string | undefined {
  if (uid.length > 63) return "must have at most 63 characters";
  return qualified.test(uid) && !uid.includes("_")
    ? undefined
    : 'must consist of letters, digits, "-" and ".", and start and end with a letter or digit';
}

/** A path on the host: absolute, without `..`. */
export function hostPath(path: string): string | undefined {
  if (!isAbsolute(path)) return "must be an absolute path";
  return hasParentSegment(path) ? 'must not contain a ".." segment' : undefined;
}

/** A path in the container. */
export function containerPath(path: string): string | undefined {
  return isAbsolute(path) ? undefined : "must be an absolute path";
}

/** A path relative to a directory that it does not leave. */
export function relativePath(path: string): string | undefined {
  if (path === "") return "must not be empty";
  if (/^([\\/]|[a-z]:)/i.test(path)) return "must be a relative path";
  return hasParentSegment(path) ? 'must not contain a ".." segment' : undefined;
}

/** Windows paths count, too: `C:\logs` and `\\server\share`. */
function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[a-z]:[\\/]/i.test(path) || path.startsWith("\\\\");
}

function hasParentSegment(path: string): boolean {
  return path.split(/[\\/]/).includes("..");
}

/** An image reference, or an image id, of which runtimes also accept a prefix. */
export function imageName(name: string): string | undefined {
  // A whole id is not a reference. A prefix of an id, with or without `sha256:`, parses as one.
  if (/^[0-9a-f]{64}$/.test(name)) return undefined;
  try {
    parseReference(name);
    return undefined;
  } catch (error) {
    const why = isCriError(error) ? error.rawMessage.replace(/^.*": /, "") : String(error);
    return `must be an image reference or id (${why})`;
  }
}

/** An IPv4 or IPv6 address. */
export function ipAddress(address: string): string | undefined {
  return isIP(address) === 0 ? "must be an IP address" : undefined;
}
