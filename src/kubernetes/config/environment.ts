import type { EnvFromSource, EnvVar } from "../api/index.js";
import { StartError } from "../start-error.js";
import { readEnvFile } from "./env-file.js";
import { expandVariables } from "./expansion.js";
import { type FieldContext, fieldValue, resourceValue } from "./pod-fields.js";
import type { ContainerView } from "./pod-view.js";
import { type DataReference, dataOf, keyOf } from "./referenced-objects.js";
import { serviceVariables } from "./service-variables.js";

const reason = "CreateContainerConfigError";

/**
 * The variables of a container, in the order of their first definition; those of Services last. Values are bytes, one per character
 * (latin1), since a Secret may hold bytes that are not text.
 */
export type Environment = ReadonlyMap<string, string>;

/**
 * Returns the variables of a container: the keys of `envFrom`, then `env` in its order, each value with the variables before it in
 * place of `$(NAME)`.
 *
 * @throws StartError for an object, a key or a file that is missing and not optional
 */
export function containerEnvironment(one: ContainerView, context: Omit<FieldContext, "reason">): Environment {
  const services = toBytes(serviceVariables(context.view, context.inputs));
  const { container, path } = one;
  const environment = new Map<string, string>();
  for (const [index, source] of container.envFrom.entries())
    for (const [name, value] of variablesFrom(source, `${path}.envFrom[${index}]`, context))
      environment.set(name, value);
  for (const [index, variable] of container.env.entries()) {
    const lookup = (name: string) => environment.get(name) ?? services.get(name);
    const value = variable.value
      ? expandVariables(bytesOf(variable.value), (name) => lookup(bytesName(name)))
      : sourceValue(variable, `${path}.env[${index}].valueFrom`, one, { ...context, reason });
    if (value !== undefined) environment.set(variable.name, value);
  }
  for (const [name, value] of services) if (!environment.has(name)) environment.set(name, value);
  return environment;
}

/** Returns a text with the values of variables in place of `$(NAME)`, such as an element of `command` or `args`. */
export function expandWith(environment: Environment, text: string): string {
  return expandVariables(text, (name) => {
    const value = environment.get(name);
    return value === undefined ? undefined : Buffer.from(value, "latin1").toString();
  });
}

/** Returns a subPathExpr with the values of its variables. A variable that is unknown or empty is an error: it would name another path. */
export function expandSubPath(environment: Environment, expression: string, path: string): string {
  return expandVariables(expression, (name) => {
    const value = environment.get(name);
    if (value) return Buffer.from(value, "latin1").toString();
    throw new StartError(
      reason,
      `${path}: the variable ${JSON.stringify(name)} is ${value === "" ? "empty" : "not defined"}`,
    );
  });
}

function variablesFrom(
  { configMapRef, secretRef, prefix = "" }: EnvFromSource,
  path: string,
  { view, inputs }: Omit<FieldContext, "reason">,
): [string, string][] {
  const references: DataReference[] = [];
  if (configMapRef)
    references.push({ ...common(configMapRef), kind: "ConfigMap", path: `${path}.configMapRef` });
  if (secretRef) references.push({ ...common(secretRef), kind: "Secret", path: `${path}.secretRef` });
  return references.flatMap((reference) =>
    [...(dataOf(view, inputs, reference) ?? [])].map(([key, value]): [string, string] => [
      prefix + key,
      Buffer.from(value).toString("latin1"),
    ]),
  );
}

function common({ name, optional }: { readonly name?: string; readonly optional?: boolean }) {
  return { name, optional, reason, binaryData: false } as const;
}

/** Returns the value of a variable's source; undefined when the variable is left out. */
function sourceValue(
  { valueFrom = {} }: EnvVar,
  path: string,
  one: ContainerView,
  context: FieldContext,
): string | undefined {
  const { view, inputs } = context;
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  if (fieldRef) return bytesOf(fieldValue(fieldRef, `${path}.fieldRef`, context));
  if (resourceFieldRef) return resourceValue(resourceFieldRef, `${path}.resourceFieldRef`, one, context);
  const ofKey = (reference: DataReference & { readonly key: string }) => {
    const value = keyOf(view, inputs, reference);
    return value === undefined ? undefined : Buffer.from(value).toString("latin1");
  };
  if (configMapKeyRef) {
    const { key } = configMapKeyRef;
    return ofKey({ ...common(configMapKeyRef), kind: "ConfigMap", key, path: `${path}.configMapKeyRef` });
  }
  if (secretKeyRef) {
    const { key } = secretKeyRef;
    return ofKey({ ...common(secretKeyRef), kind: "Secret", key, path: `${path}.secretKeyRef` });
  }
  return fileKeyRef ? fileValue(fileKeyRef, `${path}.fileKeyRef`, context) : "";
}

function fileValue(
  { key, optional, path: file, volumeName }: NonNullable<NonNullable<EnvVar["valueFrom"]>["fileKeyRef"]>,
  path: string,
  { view, inputs }: FieldContext,
): string | undefined {
  const fail = (why: string) => new StartError(reason, `${path}: ${why}`);
  if (!view.spec.volumes.some(({ name }) => name === volumeName))
    throw fail(`the pod has no volume ${JSON.stringify(volumeName)}`);
  if (file.startsWith("/") || file.split("/").includes(".."))
    throw fail(`path must be relative and without "..", got ${JSON.stringify(file)}`);
  if (inputs.readVolumeFile === undefined) throw fail("pass `readVolumeFile`, which reads files of volumes");
  const text = inputs.readVolumeFile(volumeName, file);
  const where = `the file ${JSON.stringify(file)} of the volume ${JSON.stringify(volumeName)}`;
  if (text === undefined) {
    if (optional) return undefined;
    throw fail(`${where} does not exist`);
  }
  const value = readEnvFile(text, key, (why) => fail(`${where}: ${why}`));
  if (value === undefined && !optional) throw fail(`${where} does not define ${key}`);
  return value === undefined ? undefined : bytesOf(value);
}

function toBytes(variables: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...variables].map(([name, value]) => [name, bytesOf(value)]));
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** A name in a text of bytes, as the keys of the environment have it. */
function bytesName(name: string): string {
  return Buffer.from(name, "latin1").toString();
}
