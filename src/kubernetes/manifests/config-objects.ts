import { isRecord } from "../../core/index.js";
import type { ConfigMap, Secret } from "../api/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkMetadata, configKey } from "../validation/index.js";

/** The largest content of a ConfigMap or Secret, in bytes. */
const maxContentBytes = 1_048_576;
/** The keys that a Secret of a type must have, each group one of them. */
const keysOfTypes: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "kubernetes.io/dockercfg": [[".dockercfg"]],
  "kubernetes.io/dockerconfigjson": [[".dockerconfigjson"]],
  "kubernetes.io/basic-auth": [["username", "password"]],
  "kubernetes.io/ssh-auth": [["ssh-privatekey"]],
  "kubernetes.io/tls": [["tls.crt"], ["tls.key"]],
};
const jsonKeys: ReadonlySet<string> = new Set([".dockercfg", ".dockerconfigjson"]);

/** Reports what an API server refuses about a ConfigMap. */
export function checkConfigMap(object: ConfigMap, path: FieldPath, problems: FieldProblems): void {
  checkMetadata(object.metadata, path.child("metadata"), problems);
  const { data = {}, binaryData = {} } = object;
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    checkKey(key, path.child("data"), problems);
    if (Object.hasOwn(binaryData, key))
      problems.invalid(path.child("data").key(key), key, "must not be a key of binaryData as well");
    size += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    checkKey(key, path.child("binaryData"), problems);
    size += checkBase64(value, path.child("binaryData").key(key), problems).length;
  }
  checkSize(size, path, problems);
}

/** Reports what an API server refuses about a Secret, and returns it with `stringData` as part of `data`. No message shows a value. */
export function readSecret(object: Secret, path: FieldPath, problems: FieldProblems): Secret {
  checkMetadata(object.metadata, path.child("metadata"), problems);
  const { stringData = {}, ...secret } = object;
  let size = 0;
  const data: [string, string][] = [];
  for (const [key, value] of Object.entries(secret.data ?? {})) {
    checkKey(key, path.child("data"), problems);
    const bytes = checkBase64(value, path.child("data").key(key), problems);
    if (Object.hasOwn(stringData, key)) continue;
    size += bytes.length;
    data.push([key, value]);
  }
  for (const [key, value] of Object.entries(stringData)) {
    checkKey(key, path.child("stringData"), problems);
    size += Buffer.byteLength(value);
    data.push([key, Buffer.from(value).toString("base64")]);
  }
  checkSize(size, path, problems);
  const merged = Object.fromEntries(data);
  checkTypeOf(secret.type, merged, path, problems);
  return data.length > 0 ? { ...secret, data: merged } : secret;
}

function checkKey(key: string, path: FieldPath, problems: FieldProblems): void {
  const wrong = configKey(key);
  if (wrong !== undefined) problems.invalid(path.key(key), key, wrong);
}

function checkBase64(text: string, path: FieldPath, problems: FieldProblems): Buffer {
  const plain = text.replace(/[\r\n]/g, "");
  const bytes = Buffer.from(plain, "base64");
  // Node skips what is not base64: then the text is another one again.
  if (bytes.toString("base64") !== plain) problems.invalidSecret(path, "must be base64, with its padding");
  return bytes;
}

function checkSize(size: number, path: FieldPath, problems: FieldProblems): void {
  if (size > maxContentBytes) problems.tooLong(path, maxContentBytes);
}

function checkTypeOf(
  type: string | undefined,
  data: Readonly<Record<string, string>>,
  path: FieldPath,
  problems: FieldProblems,
): void {
  const groups = type !== undefined && Object.hasOwn(keysOfTypes, type) ? keysOfTypes[type] : undefined;
  for (const keys of groups ?? []) {
    const [key = ""] = keys;
    if (!keys.some((one) => Object.hasOwn(data, one)))
      problems.required(path.child("data").key(key), `a Secret of type ${type} needs ${keys.join(" or ")}`);
    else if (jsonKeys.has(key) && !isJsonObject(data[key] ?? ""))
      problems.invalidSecret(path.child("data").key(key), "must be a JSON object, in base64");
  }
}

function isJsonObject(base64: string): boolean {
  try {
    return isRecord(JSON.parse(Buffer.from(base64, "base64").toString()));
  } catch {
    return false;
  }
}
