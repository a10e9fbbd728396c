import type { EnvFromSource, EnvVar, FileKeySelector } from "../api/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkGiven, checkReference } from "./checks.js";
import { checkFieldRef, checkResourceFieldRef } from "./downward.js";
import { checkString } from "./metadata.js";
import { backstep, configKey, variableName } from "./name-rules.js";
import type { PodContext } from "./pod-context.js";

/** Reports variables that are not valid. */
export function checkEnv(env: readonly EnvVar[], path: FieldPath, context: PodContext): void {
  for (const [index, variable] of env.entries()) {
    const here = path.index(index);
    if (checkGiven(variable.name, here.child("name"), context.problems))
      checkString(variable.name, here.child("name"), context.problems, variableName);
    checkValueFrom(variable, here.child("valueFrom"), context);
  }
}

/** Reports none of the sources, and several. */
function checkSource<T extends object>(
  source: T,
  members: readonly (keyof T & string)[],
  path: FieldPath,
  problems: FieldProblems,
): void {
  const given = members.filter((member) => source[member] !== undefined);
  if (given.length === 0) problems.invalid(path, "", `must specify one of ${members.join(", ")}`);
  if (given.length > 1) problems.invalid(path, "", `must not have more than one of ${given.join(", ")}`);
}

const valueSources = [
  "fieldRef",
  "resourceFieldRef",
  "configMapKeyRef",
  "secretKeyRef",
  "fileKeyRef",
] as const;

function checkValueFrom({ value, valueFrom }: EnvVar, path: FieldPath, context: PodContext): void {
  if (valueFrom === undefined) return;
  const { problems } = context;
  checkSource(valueFrom, valueSources, path, problems);
  if (value) problems.invalid(path, "", "must not be specified when value is not empty");
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  if (fieldRef) checkFieldRef(fieldRef, "env", path.child("fieldRef"), problems);
  if (resourceFieldRef)
    checkResourceFieldRef(resourceFieldRef, "env", path.child("resourceFieldRef"), context);
  for (const [field, selector] of Object.entries({ configMapKeyRef, secretKeyRef })) {
    if (!selector) continue;
    const here = path.child(field);
    checkReference(selector.name, here.child("name"), problems);
    if (checkGiven(selector.key, here.child("key"), problems))
      checkString(selector.key, here.child("key"), problems, configKey);
  }
  if (fileKeyRef) checkFileKeyRef(fileKeyRef, path.child("fileKeyRef"), context);
}

function checkFileKeyRef(
  { key, path, volumeName }: FileKeySelector,
  here: FieldPath,
  { volumes, problems }: PodContext,
): void {
  if (checkGiven(key, here.child("key"), problems))
    checkString(key, here.child("key"), problems, variableName);
  if (checkGiven(path, here.child("path"), problems))
    checkString(path, here.child("path"), problems, backstep);
  if (!checkGiven(volumeName, here.child("volumeName"), problems)) return;
  const volume = volumes.get(volumeName);
  if (volume === undefined) problems.notFound(here.child("volumeName"), volumeName);
  else if (volume.emptyDir === undefined)
    problems.invalid(here.child("volumeName"), volumeName, "must be the name of an emptyDir");
}

/** Reports sources of variables that are not valid. */
export function checkEnvFrom(
  sources: readonly EnvFromSource[],
  path: FieldPath,
  { problems }: PodContext,
): void {
  for (const [index, source] of sources.entries()) {
    const here = path.index(index);
    if (source.prefix) checkString(source.prefix, here.child("prefix"), problems, variableName);
    checkSource(source, ["configMapRef", "secretRef"], here, problems);
    const { configMapRef, secretRef } = source;
    if (configMapRef) checkReference(configMapRef.name, here.child("configMapRef").child("name"), problems);
    if (secretRef) checkReference(secretRef.name, here.child("secretRef").child("name"), problems);
  }
}
