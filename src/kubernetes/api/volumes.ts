/** The volumes of a Pod. */
import type { ObjectFieldSelector, Quantity, ResourceFieldSelector } from "./container.js";

/** A volume. Exactly one field beside `name` is set; without one, it is an `emptyDir`. */
export interface Volume {
  /** An AWS disk. Needs a plug-in in `volumePlugins`. */
  readonly awsElasticBlockStore?: object;
  /** An Azure disk. Needs a plug-in in `volumePlugins`. */
  readonly azureDisk?: object;
  /** An Azure file share. Needs a plug-in in `volumePlugins`. */
  readonly azureFile?: object;
  /** A CephFS share. Needs a plug-in in `volumePlugins`. */
  readonly cephfs?: object;
  /** An OpenStack disk. Needs a plug-in in `volumePlugins`. */
  readonly cinder?: object;
  /** The keys of a ConfigMap as files, which follow its updates. */
  readonly configMap?: ConfigMapVolumeSource;
  /** A volume of a CSI driver. Needs a plug-in in `volumePlugins`. */
  readonly csi?: CSIVolumeSource;
  /** Fields of the Pod as files. */
  readonly downwardAPI?: DownwardAPIVolumeSource;
  /** A folder that exists as long as the pod. */
  readonly emptyDir?: EmptyDirVolumeSource;
  /** A claim that is created for the Pod. Needs a plug-in in `volumePlugins`. */
  readonly ephemeral?: EphemeralVolumeSource;
  /** A Fibre Channel disk. Needs a plug-in in `volumePlugins`. */
  readonly fc?: object;
  /** A volume of a FlexVolume driver. Needs a plug-in in `volumePlugins`. */
  readonly flexVolume?: object;
  /** A Flocker volume. Needs a plug-in in `volumePlugins`. */
  readonly flocker?: object;
  /** A Google Cloud disk. Needs a plug-in in `volumePlugins`. */
  readonly gcePersistentDisk?: object;
  /** A Git repository. Needs a plug-in in `volumePlugins`. */
  readonly gitRepo?: object;
  /** A GlusterFS share. Needs a plug-in in `volumePlugins`. */
  readonly glusterfs?: object;
  /** A file or folder of the node. */
  readonly hostPath?: HostPathVolumeSource;
  /** The files of an image, read-only. */
  readonly image?: ImageVolumeSource;
  /** An iSCSI disk. Needs a plug-in in `volumePlugins`. */
  readonly iscsi?: object;
  /** A DNS label, unique in the Pod. */
  readonly name: string;
  /** An NFS share. Needs a plug-in in `volumePlugins`. */
  readonly nfs?: object;
  /** The volume of a claim. Needs a plug-in in `volumePlugins`. */
  readonly persistentVolumeClaim?: PersistentVolumeClaimVolumeSource;
  /** A Photon disk. Needs a plug-in in `volumePlugins`. */
  readonly photonPersistentDisk?: object;
  /** A Portworx volume. Needs a plug-in in `volumePlugins`. */
  readonly portworxVolume?: object;
  /** Several sources in one folder. */
  readonly projected?: ProjectedVolumeSource;
  /** A Quobyte volume. Needs a plug-in in `volumePlugins`. */
  readonly quobyte?: object;
  /** A Ceph block device. Needs a plug-in in `volumePlugins`. */
  readonly rbd?: object;
  /** A ScaleIO volume. Needs a plug-in in `volumePlugins`. */
  readonly scaleIO?: object;
  /** The keys of a Secret as files in memory, which follow its updates. */
  readonly secret?: SecretVolumeSource;
  /** A StorageOS volume. Needs a plug-in in `volumePlugins`. */
  readonly storageos?: object;
  /** A vSphere disk. Needs a plug-in in `volumePlugins`. */
  readonly vsphereVolume?: object;
}

/** The keys of a ConfigMap as files. */
export interface ConfigMapVolumeSource {
  /** From 0 to 0o777. @default 0o644 */
  readonly defaultMode?: number;
  /** The keys that become files. @default all keys, each as a file of its name */
  readonly items?: readonly KeyToPath[];
  /** The name of the ConfigMap, in the namespace of the Pod. */
  readonly name?: string;
  /** Whether the ConfigMap or a key of `items` may be missing; otherwise the pod does not start. @default false */
  readonly optional?: boolean;
}

/** The keys of a Secret as files. */
export interface SecretVolumeSource {
  /** From 0 to 0o777. @default 0o644 */
  readonly defaultMode?: number;
  /** The keys that become files. @default all keys, each as a file of its name */
  readonly items?: readonly KeyToPath[];
  /** Whether the Secret or a key of `items` may be missing; otherwise the pod does not start. @default false */
  readonly optional?: boolean;
  /** The name of the Secret, in the namespace of the Pod. */
  readonly secretName?: string;
}

/** A key, and the path of its file. */
export interface KeyToPath {
  /** The key in the ConfigMap or Secret. */
  readonly key: string;
  /** From 0 to 0o777. @default `defaultMode` */
  readonly mode?: number;
  /** The path of the file in the volume: relative, without "..". */
  readonly path: string;
}

/** Fields of the Pod as files. */
export interface DownwardAPIVolumeSource {
  /** From 0 to 0o777. @default 0o644 */
  readonly defaultMode?: number;
  /** The files. */
  readonly items?: readonly DownwardAPIVolumeFile[];
}

/** A file with a field of the Pod. */
export interface DownwardAPIVolumeFile {
  /** The field of the Pod: its name, namespace, uid, labels or annotations. */
  readonly fieldRef?: ObjectFieldSelector;
  /** From 0 to 0o777. @default `defaultMode` */
  readonly mode?: number;
  /** The path of the file in the volume: relative, without "..". */
  readonly path: string;
  /** The request or limit of a container, instead of a field. */
  readonly resourceFieldRef?: ResourceFieldSelector;
}

/** A folder that exists as long as the pod. */
export interface EmptyDirVolumeSource {
  /** "" for the disk of the node, "Memory" for a tmpfs. @default "" */
  readonly medium?: string;
  /** The pod is evicted if its volume is larger. It is also the size of a tmpfs. @default none */
  readonly sizeLimit?: Quantity;
}

/** A file or folder of the node. */
export interface HostPathVolumeSource {
  /** The absolute path on the node. */
  readonly path: string;
  /** "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice" or "BlockDevice". @default "", no check */
  readonly type?: string;
}

/** The files of an image, read-only. */
export interface ImageVolumeSource {
  /** "Always", "IfNotPresent" or "Never". @default "Always" for the tag `latest`, otherwise "IfNotPresent" */
  readonly pullPolicy?: string;
  /** The image. */
  readonly reference?: string;
}

/** Several sources in one folder. */
export interface ProjectedVolumeSource {
  /** From 0 to 0o777. @default 0o644 */
  readonly defaultMode?: number;
  /** The sources. */
  readonly sources?: readonly VolumeProjection[];
}

/** A source of a projected volume. Exactly one field is set. */
export interface VolumeProjection {
  /** Certificates that the cluster trusts. Only an API server has them. */
  readonly clusterTrustBundle?: ClusterTrustBundleProjection;
  /** The keys of a ConfigMap. */
  readonly configMap?: ConfigMapProjection;
  /** Fields of the Pod. */
  readonly downwardAPI?: DownwardAPIProjection;
  /** A certificate for the pod. Only an API server issues it. */
  readonly podCertificate?: PodCertificateProjection;
  /** The keys of a Secret. */
  readonly secret?: SecretProjection;
  /** A token of the service account. Only an API server issues it. */
  readonly serviceAccountToken?: ServiceAccountTokenProjection;
}

/** The keys of a ConfigMap as files. */
export interface ConfigMapProjection {
  /** The keys that become files. @default all keys, each as a file of its name */
  readonly items?: readonly KeyToPath[];
  /** The name of the ConfigMap, in the namespace of the Pod. */
  readonly name?: string;
  /** Whether the ConfigMap or a key of `items` may be missing; otherwise the pod does not start. @default false */
  readonly optional?: boolean;
}

/** The keys of a Secret as files. */
export interface SecretProjection {
  /** The keys that become files. @default all keys, each as a file of its name */
  readonly items?: readonly KeyToPath[];
  /** The name of the Secret, in the namespace of the Pod. */
  readonly name?: string;
  /** Whether the Secret or a key of `items` may be missing; otherwise the pod does not start. @default false */
  readonly optional?: boolean;
}

/** Fields of the Pod as files. */
export interface DownwardAPIProjection {
  /** The files. */
  readonly items?: readonly DownwardAPIVolumeFile[];
}

/** A token of the service account. */
export interface ServiceAccountTokenProjection {
  /** Who must accept the token. @default the API server */
  readonly audience?: string;
  /** The lifetime of the token in seconds, at least 600; it is renewed in time. @default 3600 */
  readonly expirationSeconds?: number;
  /** The path of the file in the volume. */
  readonly path: string;
}

/** Certificates that the cluster trusts. */
export interface ClusterTrustBundleProjection {
  /** Selects bundles of `signerName`. @default none of them */
  readonly labelSelector?: LabelSelector;
  /** One bundle, instead of all bundles of a signer. */
  readonly name?: string;
  /** Whether the bundles may be missing; otherwise the pod does not start. @default false */
  readonly optional?: boolean;
  /** The path of the file in the volume. */
  readonly path: string;
  /** The signer whose bundles are joined. */
  readonly signerName?: string;
}

/** A certificate for the pod. */
export interface PodCertificateProjection {
  /** The path of the file with the certificates, if the key has one of its own. */
  readonly certificateChainPath?: string;
  /** The path of the file with the key and the certificates. */
  readonly credentialBundlePath?: string;
  /** The path of the file with the key. */
  readonly keyPath?: string;
  /** The type of the key, such as "ED25519" or "ECDSAP256". */
  readonly keyType: string;
  /** The longest lifetime of the certificate, in seconds. @default 86400 */
  readonly maxExpirationSeconds?: number;
  /** The signer that issues the certificate. */
  readonly signerName: string;
  /** Further information for the signer. */
  readonly userAnnotations?: { readonly [name: string]: string };
}

/** Selects objects by their labels. */
export interface LabelSelector {
  /** Requirements, all of which must be met. */
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
  /** Labels that an object must have. */
  readonly matchLabels?: { readonly [name: string]: string };
}

/** A requirement of a label selector. */
export interface LabelSelectorRequirement {
  /** The key of the label. */
  readonly key: string;
  /** "In", "NotIn", "Exists" or "DoesNotExist". */
  readonly operator: string;
  /** The values, for "In" and "NotIn". */
  readonly values?: readonly string[];
}

/** The volume of a PersistentVolumeClaim. */
export interface PersistentVolumeClaimVolumeSource {
  /** The name of the claim, in the namespace of the Pod. */
  readonly claimName: string;
  /** Whether the volume is mounted read-only. @default false */
  readonly readOnly?: boolean;
}

/** A claim that is created for the Pod. */
export interface EphemeralVolumeSource {
  /** The metadata and spec of the claim. */
  readonly volumeClaimTemplate?: object;
}

/** A volume of a CSI driver. */
export interface CSIVolumeSource {
  /** The name of the driver. */
  readonly driver: string;
  /** The file system, such as "ext4". @default the choice of the driver */
  readonly fsType?: string;
  /** A Secret for the driver. */
  readonly nodePublishSecretRef?: LocalObjectReference;
  /** Whether the volume is mounted read-only. @default false */
  readonly readOnly?: boolean;
  /** Parameters for the driver. */
  readonly volumeAttributes?: { readonly [name: string]: string };
}

/** The name of an object in the namespace of the Pod. */
export interface LocalObjectReference {
  /** The name of the object. */
  readonly name?: string;
}
