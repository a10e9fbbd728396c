/** The other objects of core/v1 that a manifest may contain. */
import type { ObjectMeta, PodSpec } from "./pod.js";

/** A core/v1 ConfigMap. Values of `binaryData` are base64. */
export interface ConfigMap {
  /** "v1". */
  readonly apiVersion?: string;
  /** Bytes by key, in base64. */
  readonly binaryData?: { readonly [name: string]: string };
  /** Texts by key. No key may be in `binaryData`, too. */
  readonly data?: { readonly [name: string]: string };
  /** Whether the API server refuses changes of the data. @default false */
  readonly immutable?: boolean;
  /** "ConfigMap". */
  readonly kind?: string;
  /** The name and namespace that Pods refer to. */
  readonly metadata?: ObjectMeta;
}

/** A core/v1 Secret. Values of `data` are base64; `stringData` takes precedence. */
export interface Secret {
  /** "v1". */
  readonly apiVersion?: string;
  /** Bytes by key, in base64. */
  readonly data?: { readonly [name: string]: string };
  /** Whether the API server refuses changes of the data. @default false */
  readonly immutable?: boolean;
  /** "Secret". */
  readonly kind?: string;
  /** The name and namespace that Pods refer to. */
  readonly metadata?: ObjectMeta;
  /** Texts by key. */
  readonly stringData?: { readonly [name: string]: string };
  /** The format of the data, such as "kubernetes.io/dockerconfigjson". @default "Opaque" */
  readonly type?: string;
}

/** A core/v1 PodTemplate. */
export interface PodTemplate {
  /** "v1". */
  readonly apiVersion?: string;
  /** "PodTemplate". */
  readonly kind?: string;
  /** The metadata of the template itself. */
  readonly metadata?: ObjectMeta;
  /** The metadata and spec of the Pods. */
  readonly template?: PodTemplateSpec;
}

/** The template of the Pods of a workload. */
export interface PodTemplateSpec {
  /** The metadata of the Pods. */
  readonly metadata?: ObjectMeta;
  /** The spec of the Pods. */
  readonly spec?: PodSpec;
}
