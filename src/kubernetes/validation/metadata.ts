import { annotationKey, dnsLabel, dnsSubdomain, labelKey, labelValue } from "../../pods/index.js";
import type { ObjectMeta } from "../api/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";

/** The limit of all annotations together, in bytes. */
const maxAnnotationBytes = 262_144;

/** Reports what an API server refuses about the metadata of an object whose name is a DNS subdomain. */
export function checkMetadata(metadata: ObjectMeta = {}, path: FieldPath, problems: FieldProblems): void {
  const { name, generateName, namespace } = metadata;
  if (!name && !generateName) problems.required(path.child("name"), "name or generateName is required");
  if (name) checkString(name, path.child("name"), problems, dnsSubdomain);
  // The end is generated, so it may be a "-" here.
  if (generateName)
    checkString(generateName, path.child("generateName"), problems, (text) =>
      dnsSubdomain(`${text.slice(0, 248)}x`),
    );
  if (namespace) checkString(namespace, path.child("namespace"), problems, dnsLabel);
  checkLabels(metadata.labels, path.child("labels"), problems);
  checkAnnotations(metadata.annotations, path.child("annotations"), problems);
}

/** Reports keys and values of labels that are not valid. */
export function checkLabels(
  labels: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  problems: FieldProblems,
): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    const wrongKey = labelKey(key);
    if (wrongKey !== undefined) problems.invalid(path, key, `a key ${wrongKey}`);
    const wrongValue = labelValue(value);
    if (wrongValue !== undefined) problems.invalid(path.key(key), value, wrongValue);
  }
}

function checkAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  problems: FieldProblems,
): void {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    const wrong = annotationKey(key);
    if (wrong !== undefined) problems.invalid(path, key, `a key ${wrong}`);
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > maxAnnotationBytes) problems.tooLong(path, maxAnnotationBytes);
}

/** Reports a string that breaks a rule. */
export function checkString(
  text: string,
  path: FieldPath,
  problems: FieldProblems,
  rule: (text: string) => string | undefined,
): boolean {
  const wrong = rule(text);
  if (wrong !== undefined) problems.invalid(path, text, wrong);
  return wrong === undefined;
}
