import type {
  ClusterTrustBundleProjection,
  ConfigMapProjection,
  ConfigMapVolumeSource,
  CSIVolumeSource,
  DownwardAPIProjection,
  DownwardAPIVolumeFile,
  DownwardAPIVolumeSource,
  EmptyDirVolumeSource,
  EphemeralVolumeSource,
  HostPathVolumeSource,
  ImageVolumeSource,
  KeyToPath,
  LabelSelector,
  LabelSelectorRequirement,
  LocalObjectReference,
  PersistentVolumeClaimVolumeSource,
  PodCertificateProjection,
  ProjectedVolumeSource,
  SecretProjection,
  SecretVolumeSource,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from "../api/index.js";
import { fieldSelector, resourceFieldSelector } from "./container-types.js";
import {
  boolean,
  int32,
  int64,
  listOf,
  mapOf,
  objectOf,
  opaque,
  quantity,
  required,
  string,
} from "./value-types.js";

export const localObjectReference = objectOf<LocalObjectReference>("LocalObjectReference", { name: string });

const items = listOf(
  objectOf<KeyToPath>("KeyToPath", { key: required(string), mode: int32, path: required(string) }),
);

const downwardItems = listOf(
  objectOf<DownwardAPIVolumeFile>("DownwardAPIVolumeFile", {
    fieldRef: fieldSelector,
    mode: int32,
    path: required(string),
    resourceFieldRef: resourceFieldSelector,
  }),
);

export const labelSelector = objectOf<LabelSelector>("LabelSelector", {
  matchExpressions: listOf(
    objectOf<LabelSelectorRequirement>("LabelSelectorRequirement", {
      key: required(string),
      operator: required(string),
      values: listOf(string),
    }),
  ),
  matchLabels: mapOf(string),
});

const projection = objectOf<VolumeProjection>("VolumeProjection", {
  clusterTrustBundle: objectOf<ClusterTrustBundleProjection>("ClusterTrustBundleProjection", {
    labelSelector,
    name: string,
    optional: boolean,
    path: required(string),
    signerName: string,
  }),
  configMap: objectOf<ConfigMapProjection>("ConfigMapProjection", { items, name: string, optional: boolean }),
  downwardAPI: objectOf<DownwardAPIProjection>("DownwardAPIProjection", { items: downwardItems }),
  podCertificate: objectOf<PodCertificateProjection>("PodCertificateProjection", {
    certificateChainPath: string,
    credentialBundlePath: string,
    keyPath: string,
    keyType: required(string),
    maxExpirationSeconds: int32,
    signerName: required(string),
    userAnnotations: mapOf(string),
  }),
  secret: objectOf<SecretProjection>("SecretProjection", { items, name: string, optional: boolean }),
  serviceAccountToken: objectOf<ServiceAccountTokenProjection>("ServiceAccountTokenProjection", {
    audience: string,
    expirationSeconds: int64,
    path: required(string),
  }),
});

export const volume = objectOf<Volume>("Volume", {
  awsElasticBlockStore: opaque,
  azureDisk: opaque,
  azureFile: opaque,
  cephfs: opaque,
  cinder: opaque,
  configMap: objectOf<ConfigMapVolumeSource>("ConfigMapVolumeSource", {
    defaultMode: int32,
    items,
    name: string,
    optional: boolean,
  }),
  csi: objectOf<CSIVolumeSource>("CSIVolumeSource", {
    driver: required(string),
    fsType: string,
    nodePublishSecretRef: localObjectReference,
    readOnly: boolean,
    volumeAttributes: mapOf(string),
  }),
  downwardAPI: objectOf<DownwardAPIVolumeSource>("DownwardAPIVolumeSource", {
    defaultMode: int32,
    items: downwardItems,
  }),
  emptyDir: objectOf<EmptyDirVolumeSource>("EmptyDirVolumeSource", { medium: string, sizeLimit: quantity }),
  ephemeral: objectOf<EphemeralVolumeSource>("EphemeralVolumeSource", { volumeClaimTemplate: opaque }),
  fc: opaque,
  flexVolume: opaque,
  flocker: opaque,
  gcePersistentDisk: opaque,
  gitRepo: opaque,
  glusterfs: opaque,
  hostPath: objectOf<HostPathVolumeSource>("HostPathVolumeSource", { path: required(string), type: string }),
  image: objectOf<ImageVolumeSource>("ImageVolumeSource", { pullPolicy: string, reference: string }),
  iscsi: opaque,
  name: required(string),
  nfs: opaque,
  persistentVolumeClaim: objectOf<PersistentVolumeClaimVolumeSource>("PersistentVolumeClaimVolumeSource", {
    claimName: required(string),
    readOnly: boolean,
  }),
  photonPersistentDisk: opaque,
  portworxVolume: opaque,
  projected: objectOf<ProjectedVolumeSource>("ProjectedVolumeSource", {
    defaultMode: int32,
    sources: listOf(projection),
  }),
  quobyte: opaque,
  rbd: opaque,
  scaleIO: opaque,
  secret: objectOf<SecretVolumeSource>("SecretVolumeSource", {
    defaultMode: int32,
    items,
    optional: boolean,
    secretName: string,
  }),
  storageos: opaque,
  vsphereVolume: opaque,
});
