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
  readonly name: string;
  readonly namespace: string;
  readonly clusterIP: string;
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
}

/** What the configs of a Pod depend on, beside the Pod and the node. Everything may be left out. */
export interface PodInputs {
  /** The objects that the Pod refers to, in its namespace. Others are ignored. */
  readonly configMaps?: readonly ConfigMap[] | undefined;
  readonly secrets?: readonly Secret[] | undefined;
  readonly services?: readonly ServiceInput[] | undefined;
  /** The runtime handlers by the names of RuntimeClasses. */
  readonly runtimeClasses?: Readonly<Record<string, string>> | undefined;
  /** The attempt of the sandbox. @default 0 */
  readonly sandboxAttempt?: number | undefined;
  /** The addresses of the sandbox, for `status.podIP` and /etc/hosts. @default none */
  readonly podIPs?: readonly string[] | undefined;
  /** By the image name in the manifest. An image that is missing is sent as named, and runs as root unless the Pod says otherwise. */
  readonly images?: Readonly<Record<string, ImageFacts>> | undefined;
  /** By the name of the container: its restarts so far, and the id of its running instance, for targets of ephemeral containers. */
  readonly containers?:
    | Readonly<Record<string, { readonly restartCount?: number; readonly id?: string }>>
    | undefined;
  /** The first host id of the pod's user namespace, for `hostUsers: false`: a multiple of 65,536. */
  readonly userNamespaceHostId?: number | undefined;
  /** The text of a file of a volume, for fileKeyRef; undefined when there is none. */
  readonly readVolumeFile?: ((volumeName: string, path: string) => string | undefined) | undefined;
}
