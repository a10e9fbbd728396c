import type { ConfigMap, PodTemplate, Secret } from "../api/index.js";
import { objectMeta, podTemplateSpec } from "./pod-types.js";
import { boolean, mapOf, objectOf, secretString, string } from "./value-types.js";

export const configMapType = objectOf<ConfigMap>("ConfigMap", {
  apiVersion: string,
  binaryData: mapOf(string),
  data: mapOf(string),
  immutable: boolean,
  kind: string,
  metadata: objectMeta,
});

export const secretType = objectOf<Secret>("Secret", {
  apiVersion: string,
  data: mapOf(secretString),
  immutable: boolean,
  kind: string,
  metadata: objectMeta,
  stringData: mapOf(secretString),
  type: string,
});

export const podTemplateType = objectOf<PodTemplate>("PodTemplate", {
  apiVersion: string,
  kind: string,
  metadata: objectMeta,
  template: podTemplateSpec,
});
