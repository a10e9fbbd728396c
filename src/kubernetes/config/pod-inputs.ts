import type { ConfigMap, Secret } from "../api/index.js";

/** What is known of an image on the node. */
export interface ImageFacts {
  /** What is sent as ImageSpec.image: the id that the runtime returned. */
  readonly id: string;
  /** Image.uid: the user of the image, if it is a number. */
  readonly uid?: bigint | undefined;
  /** Image.username: the user of the image, if it is a name. */
  readonly username?: string | undefined;
}

/** A Service, for its environment variables. */
export interface ServiceInput {
  /** Its name, the beginning of the names of its variables. */
  readonly name: string;
  /** Its namespace. */
  readonly namespace: string;
  /** Its address. Services without one, and with "None", have no variables. */
  readonly clusterIP: string;
  /** Its ports, the first of which has further variables. */
  readonly ports: readonly {
    /** A DNS label. A named port has a variable of its own. */
    readonly name?: string;
    /** The number of the port. */
    readonly port: number;
    /** "TCP", "UDP" or "SCTP". @default "TCP" */
    readonly protocol?: string;
  }[];
}

/** What is known of a container of the Pod. */
export interface ContainerInput {
  /** Its restarts so far: the attempt, and the number of its log file. @default 0 */
  readonly restartCount?: number | undefined;
  /** The id of its newest instance, for ephemeral containers whose target it is. */
  readonly id?: string | undefined;
  /** Devices of the node, such as those that a device plug-in allocated. @default none */
  readonly devices?: readonly DeviceInput[] | undefined;
  /** Devices by their names of the Container Device Interface, `vendor.com/class=name`. @default none */
  readonly cdiDevices?: readonly string[] | undefined;
}

/** A device of the node in a container. */
export interface DeviceInput {
  /** The path of the device on the node. */
  readonly hostPath: string;
  /** The path of the device in the container. */
  readonly containerPath: string;
  /** Of the letters `r`, `w` and `m` (mknod). */
  readonly permissions: string;
}

/** What the configs of a Pod depend on, beside the Pod and the node. Everything may be left out. */
export interface PodInputs {
  /** The objects that the Pod refers to, in its namespace. Others are ignored. */
  readonly configMaps?: readonly ConfigMap[] | undefined;
  /** As `configMaps`. */
  readonly secrets?: readonly Secret[] | undefined;
  /** Services whose addresses become variables: `default/kubernetes`, and those of the Pod's namespace unless `enableServiceLinks` is false. */
  readonly services?: readonly ServiceInput[] | undefined;
  /** The runtime handlers by the names of RuntimeClasses. */
  readonly runtimeClasses?: Readonly<Record<string, string>> | undefined;
  /** The attempt of the sandbox. @default 0 */
  readonly sandboxAttempt?: number | undefined;
  /** The addresses of the sandbox, for `status.podIP` and /etc/hosts. @default none */
  readonly podIPs?: readonly string[] | undefined;
  /** By the image name in the manifest. An image that is missing here is passed to the runtime by this name, and its user counts as root. */
  readonly images?: Readonly<Record<string, ImageFacts>> | undefined;
  /** What is known of the containers, by name. */
  readonly containers?: Readonly<Record<string, ContainerInput>> | undefined;
  /** The first host id of the pod's user namespace, for `hostUsers: false`: a multiple of 65,536. */
  readonly userNamespaceHostId?: number | undefined;
  /** The text of a file of a volume, for fileKeyRef; undefined when there is none. */
  readonly readVolumeFile?: ((volumeName: string, path: string) => string | undefined) | undefined;
  /** The tokens of `serviceAccountToken` sources, by `VOLUME/PATH`: the name of the volume and the path in it. */
  readonly serviceAccountTokens?: Readonly<Record<string, string>> | undefined;
}
