const label = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** Reports whether a name is a DNS label (RFC 1123): at most 63 lower-case letters, digits and `-`. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && label.test(name);
}

/** Reports whether a name consists of DNS labels that are separated by dots, at most 253 characters. */
export function isDnsSubdomain(name: string): boolean {
  return name.length <= 253 && name.split(".").every((part) => label.test(part));
}
