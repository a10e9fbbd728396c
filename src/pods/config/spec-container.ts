import type { WindowsContainerConfig } from "../../../gen/runtime/v1/api_pb.js";
import type { PullPolicy } from "../../images/index.js";
import type { ResourcesSpec } from "./spec-resources.js";
import type { ContainerSecuritySpec } from "./spec-security.js";

/** Whether mounts made later below a mount propagate from the host, or in both directions: MountPropagation. */
export type MountPropagationMode = "None" | "HostToContainer" | "Bidirectional";

interface MountTarget {
  /** The mount point in the container, absolute: Mount.container_path. */
  readonly containerPath: string;
}

/** A mount of a host path. @inline */
interface HostMount extends MountTarget {
  /**
   * The path on the host, absolute: Mount.host_path. containerd and CRI-O create a directory where nothing exists.
   */
  readonly hostPath: string;
  readonly image?: undefined;
  readonly subPath?: undefined;
  /** Mount.propagation. @default "None" */
  readonly propagation?: MountPropagationMode | undefined;
  /** Mount.readonly. @default false */
  readonly readOnly?: boolean | undefined;
  readonly recursiveReadOnly?: undefined;
  /** Whether the runtime relabels the path for SELinux: Mount.selinux_relabel. @default false */
  readonly selinuxRelabel?: boolean | undefined;
  /** Mount options, if the runtime supports them (`cri.features().mountOptions`): Mount.mount_options. @default none */
  readonly mountOptions?: readonly string[] | undefined;
}

/** A mount that is read-only with all mounts below it. Requires a runtime handler with the feature. @inline */
interface RecursiveReadOnlyMount extends Omit<HostMount, "readOnly" | "recursiveReadOnly" | "propagation"> {
  readonly readOnly: true;
  /** Mount.recursive_read_only. */
  readonly recursiveReadOnly: true;
  readonly propagation?: "None" | undefined;
}

/** A mount of an image's files, always read-only: Mount.image. Requires containerd 2.1 or later. @inline */
interface ImageMount extends MountTarget {
  readonly hostPath?: undefined;
  /** The image by reference or id. */
  readonly image: string;
  /** A directory in the image: Mount.image_sub_path. @default the whole image */
  readonly subPath?: string | undefined;
  readonly propagation?: undefined;
  readonly readOnly?: true | undefined;
  readonly recursiveReadOnly?: undefined;
  readonly selinuxRelabel?: undefined;
  readonly mountOptions?: undefined;
}

/** A mount of a host path or of an image: Mount. */
export type MountSpec = HostMount | RecursiveReadOnlyMount | ImageMount;

/** A device of the host: Device. */
export interface DeviceSpec {
  /** Device.host_path, absolute. */
  readonly hostPath: string;
  /** Device.container_path, absolute. @default the path on the host */
  readonly containerPath?: string | undefined;
  /** A combination of `r` (read), `w` (write) and `m` (mknod): Device.permissions. @default "rwm" */
  readonly permissions?: string | undefined;
}

/** The fields that do not depend on each other. @inline */
interface ContainerBase {
  /** A DNS label of up to 63 characters, unique in the pod: ContainerMetadata.name. */
  readonly name: string;
  /** How often the container was created before: ContainerMetadata.attempt. `ensureContainer` counts itself. @default 0 */
  readonly attempt?: number | undefined;
  /** The image by reference or id: ImageSpec.user_specified_image. ImageSpec.image is the id on the node. */
  readonly image: string;
  /**
   * When the image is pulled, as in a Pod's `imagePullPolicy`. Not part of the config; `createContainer` applies it.
   * @default "Always" for the tag `latest`, otherwise "IfNotPresent", as in Kubernetes
   */
  readonly pullPolicy?: PullPolicy | undefined;
  /** Replaces the image's ENTRYPOINT and CMD: ContainerConfig.command. @default the image's */
  readonly command?: readonly string[] | undefined;
  /** Replaces the image's CMD: ContainerConfig.args. @default the image's, or none with a `command` */
  readonly args?: readonly string[] | undefined;
  /** ContainerConfig.working_dir. @default the image's, otherwise "/" */
  readonly workingDir?: string | undefined;
  /** The environment, in order; bytes for values that are not text: ContainerConfig.envs. @default the image's */
  readonly env?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** ContainerConfig.mounts. @default none */
  readonly mounts?: readonly MountSpec[] | undefined;
  /** ContainerConfig.devices. @default none */
  readonly devices?: readonly DeviceSpec[] | undefined;
  /** Names of CDI devices, `vendor.com/class=name`: ContainerConfig.CDI_devices. @default none */
  readonly cdiDevices?: readonly string[] | undefined;
  /**
   * The container's labels: ContainerConfig.labels. Those of the kubelet (`io.kubernetes.container.name`, ...) are added. The pod's
   * labels are not copied.
   * @default none
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** ContainerConfig.annotations. @default none */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * The log file, relative to the pod's log directory: ContainerConfig.log_path. False for no log.
   * @default `<name>/<attempt>.log`, as in Kubernetes
   */
  readonly logPath?: string | false | undefined;
  /** Whether the container has a terminal: ContainerConfig.tty. @default false */
  readonly tty?: boolean | undefined;
  /**
   * The signal that stops the container, such as `SIGINT` or `SIGRTMIN+3`: ContainerConfig.stop_signal.
   * @default the image's, otherwise SIGTERM
   */
  readonly stopSignal?: string | undefined;
  /** The id of a container whose PID namespace this one joins: NamespaceOption.pid TARGET. @default none: as the pod's spec says */
  readonly targetContainerId?: string | undefined;
  /** LinuxContainerConfig.resources. @default no limits */
  readonly resources?: ResourcesSpec | undefined;
  /** LinuxContainerConfig.security_context. It does not inherit from the pod's `security`. */
  readonly security?: ContainerSecuritySpec | undefined;
  /** ContainerConfig.windows, passed through. */
  readonly windows?: WindowsContainerConfig | undefined;
}

/** The standard input of a container. @inline */
type StdinSpec =
  | {
      /** Whether the container has an input to attach to: ContainerConfig.stdin. @default false */
      readonly stdin?: boolean | undefined;
      readonly stdinOnce?: false | undefined;
    }
  | {
      readonly stdin: true;
      /** Whether the input ends with the first session that attached to it: ContainerConfig.stdin_once. @default false */
      readonly stdinOnce?: boolean | undefined;
    };

/** The spec of a container. `containerConfig()` turns it into a complete ContainerConfig. */
export type ContainerSpec = ContainerBase & StdinSpec;
