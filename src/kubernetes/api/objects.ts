/** The other objects of core/v1 that a manifest may contain. */
import type { ObjectMeta, PodSpec } from "./pod.js";

/** A core/v1 ConfigMap. Values of `binaryData` are base64. */
export interface ConfigMap {
  readonly apiVersion?: string;
  readonly binaryData?: { readonly [name: string]: string };
  readonly data?: { readonly [name: string]: string };
  readonly immutable?: boolean;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/** A core/v1 Secret. Values of `data` are base64; `stringData` takes precedence. */
export interface Secret {
  readonly apiVersion?: string;
  readonly data?: { readonly [name: string]: string };
  readonly immutable?: boolean;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly stringData?: { readonly [name: string]: string };
  readonly type?: string;
}

/** A core/v1 PodTemplate. */
export interface PodTemplate {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly template?: PodTemplateSpec;
}

/** The template of the Pods of a workload. */
export interface PodTemplateSpec {
  readonly metadata?: ObjectMeta;
  readonly spec?: PodSpec;
}
