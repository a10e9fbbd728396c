import { criError } from "../../core/index.js";
import type {
  DefaultedContainer,
  DefaultedEphemeralContainer,
  DefaultedPod,
  DefaultedPodSpec,
} from "../defaults/index.js";
import type { ContainerKind } from "./pod-configs.js";

/** A Pod, with what every part of its configs needs at hand. */
export interface PodView {
  readonly pod: DefaultedPod;
  readonly spec: DefaultedPodSpec;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A container of a Pod, with its place in the manifest. */
export interface ContainerView {
  readonly container: DefaultedContainer & Pick<DefaultedEphemeralContainer, "targetContainerName">;
  readonly kind: ContainerKind;
  /** `spec.initContainers[0]` */
  readonly path: string;
}

/** Reads a Pod's identity. Throws `invalid_spec` when a part of it is missing: a name is not a default of the API. */
export function viewOf(pod: DefaultedPod): PodView {
  const { metadata, spec } = pod;
  const { name, namespace, uid, labels = {}, annotations = {} } = metadata;
  for (const [key, value] of Object.entries({ name, namespace, uid }))
    if (typeof value !== "string" || value === "")
      throw criError("invalid_spec", `metadata.${key}: is required`, {
        problems: [{ path: `metadata.${key}`, message: "is required" }],
        hint: "Pass what `defaultPod(pod)` returns",
      });
  return { pod, spec, name, namespace, uid, labels, annotations };
}

/** Returns the containers in the order of their start: init containers and sidecars, then regular, then ephemeral ones. */
export function containersOf(spec: DefaultedPodSpec): readonly ContainerView[] {
  const ofList = (
    field: "initContainers" | "containers" | "ephemeralContainers",
    kindOf: (container: DefaultedContainer) => ContainerKind,
  ) =>
    spec[field].map(
      (container, index): ContainerView => ({
        container,
        kind: kindOf(container),
        path: `spec.${field}[${index}]`,
      }),
    );
  return [
    ...ofList("initContainers", (container) => (isSidecar(container) ? "sidecar" : "init")),
    ...ofList("containers", () => "regular"),
    ...ofList("ephemeralContainers", () => "ephemeral"),
  ];
}

/** Reports whether an init container keeps running beside the containers after it. */
export function isSidecar(initContainer: { readonly restartPolicy?: string }): boolean {
  return initContainer.restartPolicy === "Always";
}
