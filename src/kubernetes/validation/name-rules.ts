// Rules for names beyond those of room `pods`. Each returns what is wrong with a string, or undefined.

const atMost = (max: number) => `must have at most ${max} characters`;

/** The name of a port: up to 15 lower-case letters, digits and `-`, with a letter (IANA service names). */
export function portName(text: string): string | undefined {
  if (text.length > 15) return atMost(15);
  if (!/^[a-z0-9-]+$/.test(text)) return 'must consist of lower-case letters, digits and "-"';
  if (!/[a-z]/.test(text)) return "must contain at least one letter";
  if (text.includes("--")) return 'must not contain "--"';
  return /^-|-$/.test(text) ? "must start and end with a letter or digit" : undefined;
}

/** The name of an environment variable: printable ASCII without `=`. */
export function variableName(text: string): string | undefined {
  return /^[ -<>-~]+$/.test(text) ? undefined : 'must consist of printable ASCII characters other than "="';
}

/** A key of a ConfigMap or Secret, which is also the name of its file. */
export function configKey(text: string): string | undefined {
  if (text.length > 253) return atMost(253);
  if (!/^[-._a-zA-Z0-9]+$/.test(text)) return 'must consist of letters, digits, "-", "_" and "."';
  if (text === ".") return 'must not be "."';
  return text.startsWith("..") ? 'must not start with ".."' : undefined;
}

/** A path below a folder that it does not leave: relative, without a `..` segment. */
export function localPath(text: string): string | undefined {
  if (text.startsWith("/")) return "must be a relative path";
  return backstep(text);
}

/** A path without a `..` segment. */
export function backstep(text: string): string | undefined {
  return text.split("/").includes("..") ? 'must not contain ".."' : undefined;
}
