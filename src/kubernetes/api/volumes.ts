/** The volumes of a Pod. */
import type { ObjectFieldSelector, Quantity, ResourceFieldSelector } from "./container.js";

/** A volume. Exactly one field beside `name` is set; without one, it is an `emptyDir`. */
export interface Volume {
  readonly awsElasticBlockStore?: object;
  readonly azureDisk?: object;
  readonly azureFile?: object;
  readonly cephfs?: object;
  readonly cinder?: object;
  readonly configMap?: ConfigMapVolumeSource;
  readonly csi?: CSIVolumeSource;
  readonly downwardAPI?: DownwardAPIVolumeSource;
  readonly emptyDir?: EmptyDirVolumeSource;
  readonly ephemeral?: EphemeralVolumeSource;
  readonly fc?: object;
  readonly flexVolume?: object;
  readonly flocker?: object;
  readonly gcePersistentDisk?: object;
  readonly gitRepo?: object;
  readonly glusterfs?: object;
  readonly hostPath?: HostPathVolumeSource;
  readonly image?: ImageVolumeSource;
  readonly iscsi?: object;
  readonly name: string;
  readonly nfs?: object;
  readonly persistentVolumeClaim?: PersistentVolumeClaimVolumeSource;
  readonly photonPersistentDisk?: object;
  readonly portworxVolume?: object;
  readonly projected?: ProjectedVolumeSource;
  readonly quobyte?: object;
  readonly rbd?: object;
  readonly scaleIO?: object;
  readonly secret?: SecretVolumeSource;
  readonly storageos?: object;
  readonly vsphereVolume?: object;
}

/** The keys of a ConfigMap as files. */
export interface ConfigMapVolumeSource {
  /** From 0 to 0o777. @default 0o644 */
  readonly defaultMode?: number;
  readonly items?: readonly KeyToPath[];
  readonly name?: string;
  readonly optional?: boolean;
}

/** The keys of a Secret as files. */
export interface SecretVolumeSource {
  /** From 0 to 0o777. @default 0o644 */
  readonly defaultMode?: number;
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
  readonly secretName?: string;
}

/** A key, and the path of its file. */
export interface KeyToPath {
  readonly key: string;
  /** From 0 to 0o777. @default `defaultMode` */
  readonly mode?: number;
  readonly path: string;
}

/** Fields of the Pod as files. */
export interface DownwardAPIVolumeSource {
  /** From 0 to 0o777. @default 0o644 */
  readonly defaultMode?: number;
  readonly items?: readonly DownwardAPIVolumeFile[];
}

/** A file with a field of the Pod. */
export interface DownwardAPIVolumeFile {
  readonly fieldRef?: ObjectFieldSelector;
  readonly mode?: number;
  readonly path: string;
  readonly resourceFieldRef?: ResourceFieldSelector;
}

/** A folder that exists as long as the pod. */
export interface EmptyDirVolumeSource {
  /** "" for the disk of the node, "Memory" for a tmpfs. @default "" */
  readonly medium?: string;
  readonly sizeLimit?: Quantity;
}

/** A file or folder of the node. */
export interface HostPathVolumeSource {
  readonly path: string;
  /** "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice" or "BlockDevice". @default "", no check */
  readonly type?: string;
}

/** The files of an image, read-only. */
export interface ImageVolumeSource {
  /** "Always", "IfNotPresent" or "Never". @default "Always" for the tag `latest`, otherwise "IfNotPresent" */
  readonly pullPolicy?: string;
  readonly reference?: string;
}

/** Several sources in one folder. */
export interface ProjectedVolumeSource {
  /** From 0 to 0o777. @default 0o644 */
  readonly defaultMode?: number;
  readonly sources?: readonly VolumeProjection[];
}

/** A source of a projected volume. Exactly one field is set. */
export interface VolumeProjection {
  readonly clusterTrustBundle?: ClusterTrustBundleProjection;
  readonly configMap?: ConfigMapProjection;
  readonly downwardAPI?: DownwardAPIProjection;
  readonly podCertificate?: PodCertificateProjection;
  readonly secret?: SecretProjection;
  readonly serviceAccountToken?: ServiceAccountTokenProjection;
}

/** The keys of a ConfigMap as files. */
export interface ConfigMapProjection {
  readonly items?: readonly KeyToPath[];
  readonly name?: string;
  readonly optional?: boolean;
}

/** The keys of a Secret as files. */
export interface SecretProjection {
  readonly items?: readonly KeyToPath[];
  readonly name?: string;
  readonly optional?: boolean;
}

/** Fields of the Pod as files. */
export interface DownwardAPIProjection {
  readonly items?: readonly DownwardAPIVolumeFile[];
}

/** A token of the service account. */
export interface ServiceAccountTokenProjection {
  readonly audience?: string;
  readonly expirationSeconds?: number;
  readonly path: string;
}

/** Certificates that the cluster trusts. */
export interface ClusterTrustBundleProjection {
  readonly labelSelector?: LabelSelector;
  readonly name?: string;
  readonly optional?: boolean;
  readonly path: string;
  readonly signerName?: string;
}

/** A certificate for the pod. */
export interface PodCertificateProjection {
  readonly certificateChainPath?: string;
  readonly credentialBundlePath?: string;
  readonly keyPath?: string;
  readonly keyType: string;
  readonly maxExpirationSeconds?: number;
  readonly signerName: string;
  readonly userAnnotations?: { readonly [name: string]: string };
}

/** Selects objects by their labels. */
export interface LabelSelector {
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
  readonly matchLabels?: { readonly [name: string]: string };
}

/** A requirement of a label selector. */
export interface LabelSelectorRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** The volume of a PersistentVolumeClaim. */
export interface PersistentVolumeClaimVolumeSource {
  readonly claimName: string;
  readonly readOnly?: boolean;
}

/** A claim that is created for the Pod. */
export interface EphemeralVolumeSource {
  readonly volumeClaimTemplate?: object;
}

/** A volume of a CSI driver. */
export interface CSIVolumeSource {
  readonly driver: string;
  readonly fsType?: string;
  readonly nodePublishSecretRef?: LocalObjectReference;
  readonly readOnly?: boolean;
  readonly volumeAttributes?: { readonly [name: string]: string };
}

/** The name of an object in the namespace of the Pod. */
export interface LocalObjectReference {
  readonly name?: string;
}
