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
  readonly object: T;
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
  readonly message: string;
  readonly place: ManifestPlace;
}

/** The objects of a text, in its order. */
export interface ParsedManifests {
  readonly pods: readonly ManifestObject<Pod>[];
  readonly configMaps: readonly ManifestObject<ConfigMap>[];
  /** `stringData` is part of `data`, in base64. */
  readonly secrets: readonly ManifestObject<Secret>[];
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
