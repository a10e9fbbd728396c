import { checkArgument } from "../../core/index.js";
import { uuidOfHash } from "../../pods/index.js";
import type { ObjectMeta, Pod, PodSpec } from "../api/index.js";
import { keyed } from "../argument-checks.js";
import { podType, withoutNulls } from "../schema/index.js";
import { contentHash, generatedName } from "./content-hash.js";
import { defaultContainer, defaultEphemeralContainer } from "./default-container.js";
import { defaultVolume } from "./default-volume.js";
import type { DefaultedObjectMeta, DefaultedPod, DefaultedPodSpec } from "./defaulted-pod.js";
import { defaultPodResources } from "./pod-level-resources.js";

/**
 * Returns a Pod with the defaults that an API server sets, on which the rules of the kubelet depend. Does not change the Pod, and does
 * not check it: see `checkPod`. Applied again, returns an equal Pod.
 *
 * Beside the defaults of core/v1: a Pod without a uid gets one that is a hash of its metadata and spec, so that an edit makes another pod;
 * with `generateName` and no name, the end of the name is from the same hash; lists that are absent are empty; fields that are null are left
 * out.
 *
 * @throws {CriError} `invalid_option` for anything but an object
 */
export function defaultPod(pod: Pod): DefaultedPod {
  checkArgument("defaultPod", "pod", pod, keyed);
  const present = withoutNulls(podType, pod);
  return {
    ...present,
    apiVersion: "v1",
    kind: "Pod",
    metadata: defaultMetadata(present),
    spec: defaultSpec(present.spec ?? { containers: [] }),
  };
}

function defaultMetadata(pod: Pod): DefaultedObjectMeta {
  const namespace = pod.metadata?.namespace || "default";
  const metadata: ObjectMeta = { ...pod.metadata, namespace };
  const { name, uid, generateName } = metadata;
  if (name && uid) return { ...metadata, namespace, name, uid };
  const hash = contentHash({ ...pod, metadata });
  return {
    ...metadata,
    namespace,
    name: name || (generateName ? generatedName(generateName, hash) : ""),
    uid: uid || uuidOfHash(hash),
  };
}

function defaultSpec(spec: PodSpec): DefaultedPodSpec {
  const hostNetwork = spec.hostNetwork === true;
  const defaulted = {
    ...spec,
    containers: (spec.containers ?? []).map((container) => defaultContainer(container, hostNetwork)),
    initContainers: (spec.initContainers ?? []).map((container) => defaultContainer(container, hostNetwork)),
    ephemeralContainers: (spec.ephemeralContainers ?? []).map(defaultEphemeralContainer),
    volumes: (spec.volumes ?? []).map(defaultVolume),
    restartPolicy: spec.restartPolicy || "Always",
    dnsPolicy: spec.dnsPolicy || "ClusterFirst",
    schedulerName: spec.schedulerName || "default-scheduler",
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    enableServiceLinks: spec.enableServiceLinks ?? true,
    securityContext: spec.securityContext ?? {},
  };
  const resources = defaultPodResources(defaulted);
  return resources === undefined ? defaulted : { ...defaulted, resources };
}
