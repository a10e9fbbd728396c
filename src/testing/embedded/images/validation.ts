import { posix } from "node:path";
import {
  closestMatch,
  isCriError,
  isRecord,
  parseReference,
  tagOf,
  type Violations,
} from "../../../core/index.js";
import type { EmbeddedImage } from "./image.js";

type Check = (value: unknown, path: string, violations: Violations) => void;

/** The check of each field of an image. A new field does not compile until it has one. */
const checks: { readonly [K in keyof Required<EmbeddedImage>]: Check } = {
  names: (value, path, violations) => {
    if (!Array.isArray(value) || value.length === 0)
      return violations.addValue(path, "must be an array of at least one name", value);
    for (const [index, name] of value.entries()) checkName(name, `${path}[${index}]`, violations);
  },
  sizeBytes: number((n) => Number.isSafeInteger(n) && n >= 1, "must be an integer of at least 1"),
  user: string(
    /^[^\s:]+(?::[^\s:]+)?$/,
    "must be a uid or a name, optionally with a group, such as `1001:1002` or `app`",
  ),
  env: stringRecord(/^[^=\0]+$/, "is not a valid name of an environment variable"),
  entrypoint: strings,
  cmd: strings,
  workingDir: string(/^\//, "must be an absolute path"),
  stopSignal: string(/^SIG[A-Z][A-Z0-9+-]*$/, "must be the name of a signal, such as SIGQUIT"),
  files: (value, path, violations) => {
    if (!isRecord(value)) return violations.addValue(path, "must be an object of contents by path", value);
    for (const [name, content] of Object.entries(value)) {
      if (!isFilePath(name))
        violations.add(
          path,
          `${JSON.stringify(name)} must be the absolute path of a file, in its shortest form`,
        );
      if (typeof content !== "string" && tagOf(content) !== "Uint8Array")
        violations.addValue(`${path}.${name}`, "must be a string or bytes", content);
    }
    const names = Object.keys(value);
    for (const name of names)
      if (names.some((other) => other.startsWith(`${name}/`)))
        violations.add(path, `${JSON.stringify(name)} cannot be both a file and a folder`);
  },
  labels: stringRecord(/./, "is not a valid label name"),
  annotations: stringRecord(/./, "is not a valid annotation name"),
  pinned: (value, path, violations) => {
    if (typeof value !== "boolean") violations.addValue(path, "must be true or false", value);
  },
  auth: (value, path, violations) => {
    if (!isRecord(value))
      return violations.addValue(path, "must be { username, password } or { identityToken }", value);
    const required = "identityToken" in value ? ["identityToken"] : ["username", "password"];
    checkKeys(value, required, path, violations);
    // Without the value, which may be a password.
    for (const key of required)
      if (typeof value[key] !== "string" || value[key] === "")
        violations.add(`${path}.${key}`, "must be a non-empty string");
  },
  pullMs: number((n) => n >= 0 && n < Infinity, "must be 0 or more milliseconds"),
  layers: number((n) => Number.isInteger(n) && n >= 1 && n <= 127, "must be an integer from 1 to 127"),
  digest: string(/^sha256:[0-9a-f]{64}$/, "must be `sha256:` and 64 lower-case hex digits"),
};

const fields = Object.keys(checks) as (keyof EmbeddedImage)[];

/** Checks the structure of a catalogue file, except for the images themselves. */
export function checkCatalogueFile(value: unknown, violations: Violations): void {
  if (!isRecord(value)) {
    violations.addValue("", "must be an object, { images: [...] }", value);
    return;
  }
  checkKeys(value, ["images"], "", violations);
  if (value.images === undefined) violations.add("images", "is missing");
}

/** Checks a list of {@link EmbeddedImage}s. */
export function checkImages(value: unknown, path: string, violations: Violations): void {
  if (!Array.isArray(value)) violations.addValue(path, "must be an array of images", value);
  else for (const [index, image] of value.entries()) checkImage(image, `${path}[${index}]`, violations);
}

/** Adds a problem for each unknown key, with the most similar known one. */
function checkKeys(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: string,
  violations: Violations,
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const suggestion = closestMatch(key, known);
    const didYouMean = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
    violations.add(path ? `${path}.${key}` : key, `is not a known field${didYouMean}`);
  }
}

function checkImage(value: unknown, path: string, violations: Violations): void {
  if (isRecord(value)) {
    checkKeys(value, fields, path, violations);
    if (value.names === undefined) violations.add(`${path}.names`, "is missing");
    for (const field of fields)
      if (value[field] !== undefined) checks[field](value[field], `${path}.${field}`, violations);
  } else violations.addValue(path, "must be an object", value);
}

function checkName(name: unknown, path: string, violations: Violations): void {
  try {
    if (typeof name !== "string") violations.addValue(path, "must be a string", name);
    else if (parseReference(name).digest !== undefined)
      violations.addValue(path, "must not have a digest: it is computed from the image", name);
  } catch (error) {
    violations.add(path, isCriError(error) ? error.rawMessage : String(error));
  }
}

function number(isValid: (value: number) => boolean, message: string): Check {
  return (value, path, violations) => {
    if (typeof value !== "number" || !isValid(value)) violations.addValue(path, message, value);
  };
}

function string(pattern: RegExp, message: string): Check {
  return (value, path, violations) => {
    if (typeof value !== "string" || !pattern.test(value)) violations.addValue(path, message, value);
  };
}

function strings(value: unknown, path: string, violations: Violations): void {
  if (!Array.isArray(value)) violations.addValue(path, "must be an array of strings", value);
  else
    for (const [index, word] of value.entries())
      if (typeof word !== "string") violations.addValue(`${path}[${index}]`, "must be a string", word);
}

function stringRecord(namePattern: RegExp, badName: string): Check {
  return (value, path, violations) => {
    if (!isRecord(value)) return violations.addValue(path, "must be an object of strings", value);
    for (const [key, entry] of Object.entries(value)) {
      if (!namePattern.test(key)) violations.add(path, `${JSON.stringify(key)} ${badName}`);
      if (typeof entry !== "string") violations.addValue(`${path}.${key}`, "must be a string", entry);
    }
  };
}

function isFilePath(path: string): boolean {
  return (
    path.startsWith("/") && posix.normalize(path) === path && !path.endsWith("/") && !path.includes("\0")
  );
}
