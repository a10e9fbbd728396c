import { isCriError, parseReference } from "../../../core/index.js";
import type { EmbeddedImage } from "./image.js";
import { nearest } from "./nearest.js";
import { isRecord, type Problems } from "./problems.js";

type Check = (value: unknown, path: string, problems: Problems) => void;

/** What may be in an image, field by field; a new field does not compile until it has a line here. */
const checks: { readonly [K in keyof Required<EmbeddedImage>]: Check } = {
  names: (value, path, problems) => {
    if (!Array.isArray(value) || value.length === 0)
      return problems.wrong(path, "must be a list of at least one name", value);
    for (const [index, name] of value.entries()) checkName(name, `${path}[${index}]`, problems);
  },
  sizeBytes: number((n) => Number.isSafeInteger(n) && n >= 1, "must be a whole number of bytes, 1 or more"),
  user: text(
    /^[^\s:]+(?::[^\s:]+)?$/,
    "must be a uid or a name, with or without a group: `1001:1002`, `app`",
  ),
  env: dictionary(/^[^=\0]+$/, "is no name for an environment variable"),
  entrypoint: words,
  cmd: words,
  workingDir: text(/^\//, "must be an absolute path"),
  stopSignal: text(/^SIG[A-Z][A-Z0-9+-]*$/, "must be the name of a signal, such as SIGQUIT"),
  labels: dictionary(/./, "is no name for a label"),
  annotations: dictionary(/./, "is no name for an annotation"),
  pinned: (value, path, problems) => {
    if (typeof value !== "boolean") problems.wrong(path, "must be true or false", value);
  },
  auth: (value, path, problems) => {
    if (!isRecord(value))
      return problems.wrong(path, "must be either { username, password } or { identityToken }", value);
    const wanted = "identityToken" in value ? ["identityToken"] : ["username", "password"];
    unknownKeys(value, wanted, path, problems);
    // Without the value: it may be a password.
    for (const key of wanted)
      if (typeof value[key] !== "string" || value[key] === "")
        problems.note(`${path}.${key}`, "must be a text that is not empty");
  },
  pullMs: number((n) => n >= 0 && n < Infinity, "must be a number of milliseconds, 0 or more"),
  layers: number((n) => Number.isInteger(n) && n >= 1 && n <= 127, "must be a whole number, 1 to 127"),
  digest: text(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits in lower case"),
};

const fields = Object.keys(checks) as (keyof EmbeddedImage)[];

/** Notes all that is wrong with a list of what should be {@link EmbeddedImage}s. */
export function checkImages(value: unknown, path: string, problems: Problems): void {
  if (!Array.isArray(value)) problems.wrong(path, "must be a list of images", value);
  else for (const [index, image] of value.entries()) checkImage(image, `${path}[${index}]`, problems);
}

/** Notes keys that mean nothing, with the one that was probably meant. */
export function unknownKeys(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: string,
  problems: Problems,
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const meant = nearest(key, known);
    problems.note(path ? `${path}.${key}` : key, `is not known${meant ? `; did you mean ${meant}?` : ""}`);
  }
}

function checkImage(value: unknown, path: string, problems: Problems): void {
  if (isRecord(value)) {
    unknownKeys(value, fields, path, problems);
    if (value.names === undefined) problems.note(`${path}.names`, "is missing: what the image is pulled by");
    for (const field of fields)
      if (value[field] !== undefined) checks[field](value[field], `${path}.${field}`, problems);
  } else problems.wrong(path, "must be an object", value);
}

function checkName(name: unknown, path: string, problems: Problems): void {
  try {
    if (typeof name !== "string") problems.wrong(path, "must be a text", name);
    else if (parseReference(name).digest !== undefined)
      problems.wrong(path, "must not have a digest, which is the image's own", name);
  } catch (error) {
    problems.note(path, isCriError(error) ? error.text : String(error));
  }
}

function number(fits: (value: number) => boolean, message: string): Check {
  return (value, path, problems) => {
    if (typeof value !== "number" || !fits(value)) problems.wrong(path, message, value);
  };
}

function text(form: RegExp, message: string): Check {
  return (value, path, problems) => {
    if (typeof value !== "string" || !form.test(value)) problems.wrong(path, message, value);
  };
}

function words(value: unknown, path: string, problems: Problems): void {
  if (!Array.isArray(value)) problems.wrong(path, "must be a list of texts", value);
  else
    for (const [index, word] of value.entries())
      if (typeof word !== "string") problems.wrong(`${path}[${index}]`, "must be a text", word);
}

function dictionary(name: RegExp, badName: string): Check {
  return (value, path, problems) => {
    if (!isRecord(value)) return problems.wrong(path, "must be an object of texts", value);
    for (const [key, entry] of Object.entries(value)) {
      if (!name.test(key)) problems.note(path, `${JSON.stringify(key)} ${badName}`);
      if (typeof entry !== "string") problems.wrong(`${path}.${key}`, "must be a text", entry);
    }
  };
}
