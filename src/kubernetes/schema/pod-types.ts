import type {
  HostAlias,
  ObjectMeta,
  OwnerReference,
  Pod,
  PodDNSConfig,
  PodDNSConfigOption,
  PodOS,
  PodReadinessGate,
  PodResourceClaim,
  PodSpec,
  PodTemplateSpec,
  Toleration,
} from "../api/index.js";
import { container, ephemeralContainer, resourceRequirements } from "./container-types.js";
import { podSecurityContext } from "./security-types.js";
import {
  boolean,
  int32,
  int64,
  listOf,
  mapOf,
  objectOf,
  opaque,
  openObjectOf,
  quantity,
  required,
  string,
  time,
} from "./value-types.js";
import { localObjectReference, volume } from "./volume-types.js";

export const objectMeta = objectOf<ObjectMeta>("ObjectMeta", {
  annotations: mapOf(string),
  creationTimestamp: time,
  deletionGracePeriodSeconds: int64,
  deletionTimestamp: time,
  finalizers: listOf(string),
  generateName: string,
  generation: int64,
  labels: mapOf(string),
  managedFields: listOf(opaque),
  name: string,
  namespace: string,
  ownerReferences: listOf(
    objectOf<OwnerReference>("OwnerReference", {
      apiVersion: required(string),
      blockOwnerDeletion: boolean,
      controller: boolean,
      kind: required(string),
      name: required(string),
      uid: required(string),
    }),
  ),
  resourceVersion: string,
  selfLink: string,
  uid: string,
});

const podSpec = objectOf<PodSpec>("PodSpec", {
  activeDeadlineSeconds: int64,
  affinity: opaque,
  automountServiceAccountToken: boolean,
  containers: required(listOf(container)),
  dnsConfig: objectOf<PodDNSConfig>("PodDNSConfig", {
    nameservers: listOf(string),
    options: listOf(objectOf<PodDNSConfigOption>("PodDNSConfigOption", { name: string, value: string })),
    searches: listOf(string),
  }),
  dnsPolicy: string,
  enableServiceLinks: boolean,
  ephemeralContainers: listOf(ephemeralContainer),
  hostAliases: listOf(objectOf<HostAlias>("HostAlias", { hostnames: listOf(string), ip: string })),
  hostIPC: boolean,
  hostNetwork: boolean,
  hostPID: boolean,
  hostUsers: boolean,
  hostname: string,
  hostnameOverride: string,
  imagePullSecrets: listOf(localObjectReference),
  initContainers: listOf(container),
  nodeName: string,
  nodeSelector: mapOf(string),
  os: objectOf<PodOS>("PodOS", { name: required(string) }),
  overhead: mapOf(quantity),
  preemptionPolicy: string,
  priority: int32,
  priorityClassName: string,
  readinessGates: listOf(objectOf<PodReadinessGate>("PodReadinessGate", { conditionType: required(string) })),
  resourceClaims: listOf(
    objectOf<PodResourceClaim>("PodResourceClaim", {
      name: required(string),
      resourceClaimName: string,
      resourceClaimTemplateName: string,
    }),
  ),
  resources: resourceRequirements,
  restartPolicy: string,
  runtimeClassName: string,
  schedulerName: string,
  schedulingGates: listOf(opaque),
  schedulingGroup: opaque,
  securityContext: podSecurityContext,
  serviceAccount: string,
  serviceAccountName: string,
  setHostnameAsFQDN: boolean,
  shareProcessNamespace: boolean,
  subdomain: string,
  terminationGracePeriodSeconds: int64,
  tolerations: listOf(
    objectOf<Toleration>("Toleration", {
      effect: string,
      key: string,
      operator: string,
      tolerationSeconds: int64,
      value: string,
    }),
  ),
  topologySpreadConstraints: listOf(opaque),
  volumes: listOf(volume),
  workloadRef: opaque,
});

export const podType = objectOf<Pod>("Pod", {
  apiVersion: string,
  kind: string,
  metadata: objectMeta,
  spec: podSpec,
  status: openObjectOf<NonNullable<Pod["status"]>>("PodStatus", {
    phase: string,
    qosClass: string,
    startTime: time,
  }),
});

export const podTemplateSpec = objectOf<PodTemplateSpec>("PodTemplateSpec", {
  metadata: objectMeta,
  spec: podSpec,
});
