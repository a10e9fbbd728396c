import type { Pod } from "../../kubernetes/index.js";

/** The plural names of the kinds of objects with data. */
export type DataResource = "configmaps" | "secrets";

/** An object that a Pod refers to. */
export interface PodReference {
  readonly resource: DataResource;
  readonly name: string;
}

/** Returns the ConfigMaps and Secrets that a Pod's volumes, variables and images use, each once. */
export function podReferences({ spec }: Pod): PodReference[] {
  const found = new Map<string, PodReference>();
  const add = (resource: DataResource, name: string | undefined) => {
    if (name) found.set(`${resource}/${name}`, { resource, name });
  };
  for (const { configMap, secret, projected } of spec?.volumes ?? []) {
    add("configmaps", configMap?.name);
    add("secrets", secret?.secretName);
    for (const source of projected?.sources ?? []) {
      add("configmaps", source.configMap?.name);
      add("secrets", source.secret?.name);
    }
  }
  const {
    containers = [],
    initContainers = [],
    ephemeralContainers = [],
    imagePullSecrets = [],
  } = spec ?? {};
  for (const { env, envFrom } of [...initContainers, ...containers, ...ephemeralContainers]) {
    for (const { valueFrom } of env ?? []) {
      add("configmaps", valueFrom?.configMapKeyRef?.name);
      add("secrets", valueFrom?.secretKeyRef?.name);
    }
    for (const { configMapRef, secretRef } of envFrom ?? []) {
      add("configmaps", configMapRef?.name);
      add("secrets", secretRef?.name);
    }
  }
  for (const { name } of imagePullSecrets) add("secrets", name);
  return [...found.values()];
}
