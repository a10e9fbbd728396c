/** The ecosystem's types are assignable to ours, and our status to theirs. */
import type { V1ConfigMap, V1Pod, V1PodStatus, V1PodTemplate, V1Secret } from "@kubernetes/client-node";
import type {
  ConfigMap as TypesConfigMap,
  Pod as TypesPod,
  PodStatus as TypesPodStatus,
  PodTemplate as TypesPodTemplate,
  Secret as TypesSecret,
} from "kubernetes-types/core/v1.js";
import type { ConfigMap, Pod, PodStatus, PodTemplate, Secret } from "../../src/kubernetes/api/index.js";

declare const clientPod: V1Pod;
declare const clientObjects: [V1ConfigMap, V1Secret, V1PodTemplate];
declare const typesPod: TypesPod;
declare const typesObjects: [TypesConfigMap, TypesSecret, TypesPodTemplate];
declare const status: PodStatus<Date>;
declare const json: PodStatus<string>;

export const pods: Pod[] = [clientPod, typesPod];
export const objects: [ConfigMap, Secret, PodTemplate][] = [clientObjects, typesObjects];
export const clientStatus: V1PodStatus = status;
export const typesStatus: TypesPodStatus = json;
