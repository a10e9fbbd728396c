import type { KubeObject } from "./kube-object.js";
import type { ObjectStore } from "./store.js";

/** The lookups that the rules of a kind may use. */
export interface StrategyContext {
  readonly store: ObjectStore;
  /** Whether Pods get the projected volume with the token of their service account. */
  readonly mountTokens: boolean;
}

/** The rules of a kind of objects, beyond those of all kinds. They throw an `ApiError` for invalid objects. */
export interface Strategy {
  /** Completes a new object. */
  readonly create?: (object: KubeObject, context: StrategyContext) => KubeObject;
  /** Checks a change of the object itself; its status and the fixed metadata are already those of the previous object. */
  readonly update?: (object: KubeObject, previous: KubeObject) => void;
  /** Returns for how many seconds a deletion waits; without it, objects are removed at once. */
  readonly gracePeriod?: (object: KubeObject, requested: number | undefined) => number;
  /** Whether changes of the spec are counted in `metadata.generation`. */
  readonly hasGeneration?: true;
}
