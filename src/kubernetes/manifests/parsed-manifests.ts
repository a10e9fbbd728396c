import type { ConfigMap, Pod, Secret } from "../api/index.js";

/** Where an object or a problem is in a text. */
export interface ManifestPlace {
  /** The name of the text: `source` of {@link ParseManifestsOptions}. */
  readonly source: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** An object of a manifest. */
export interface ManifestObject<T> {
  /** The object itself. */
  readonly object: T;
  /** Where the object begins in the text. */
  readonly place: ManifestPlace;
  /** The kind in the text, such as `Deployment` for a Pod that was made from its template. */
  readonly kind: string;
  /**
   * Returns the place of a field of the object, such as `["spec", "containers", 0, "image"]`, or of the closest one around it that is in
   * the text. Problems of `validatePod` have such `steps`. Refers to the whole text: keep only `object` of pods that live long.
   */
  readonly placeOf: (steps: readonly (string | number)[]) => ManifestPlace;
}

/** A part of a manifest that is not used as it is, such as the replicas of a Deployment. */
export interface ManifestNotice {
  /** What is not used, and why. */
  readonly message: string;
  /** Where it is in the text. */
  readonly place: ManifestPlace;
}

/** The objects of a text, in its order. */
export interface ParsedManifests {
  /** The Pods of the text, those of its workloads included. */
  readonly pods: readonly ManifestObject<Pod>[];
  /** The ConfigMaps of the text. */
  readonly configMaps: readonly ManifestObject<ConfigMap>[];
  /** `stringData` is part of `data`, in base64. */
  readonly secrets: readonly ManifestObject<Secret>[];
  /** The parts of the text that are not used. */
  readonly notices: readonly ManifestNotice[];
}

/** Options of {@link parseManifests}. */
export interface ParseManifestsOptions {
  /**
   * The name of the text in errors and places, usually the path of its file.
   * @default "the text"
   */
  readonly source?: string | undefined;
}
