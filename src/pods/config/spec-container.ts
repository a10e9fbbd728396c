import type { WindowsContainerConfig } from "../../../gen/runtime/v1/api_pb.js";
import type { PullPolicy } from "../../images/index.js";
import type { ResourcesSpec } from "./spec-resources.js";
import type { ContainerSecuritySpec } from "./spec-security.js";

/** How a mount and the host hear of mounts made below it: MountPropagation. */
export type Propagation = "None" | "HostToContainer" | "Bidirectional";

interface MountTarget {
  /** Where it is in the container, absolute: Mount.container_path. */
  readonly containerPath: string;
}

interface HostMount extends MountTarget {
  /**
   * What of the host is mounted, absolute: Mount.host_path. containerd and CRI-O make a folder of it where nothing is.
   */
  readonly hostPath: string;
  readonly image?: undefined;
  readonly subPath?: undefined;
  /** Mount.propagation. @default "None" */
  readonly propagation?: Propagation | undefined;
  /** Mount.readonly. @default false */
  readonly readOnly?: boolean | undefined;
  readonly recursiveReadOnly?: undefined;
  /** Relabel it for SELinux: Mount.selinux_relabel. @default false */
  readonly selinuxRelabel?: boolean | undefined;
  /** Options of the mount; see `cri.features().mountOptions`: Mount.mount_options. @default none */
  readonly mountOptions?: readonly string[] | undefined;
}

/** Read-only with all that is mounted below it. Needs a runtime handler with the feature. */
interface RecursiveReadOnlyMount extends Omit<HostMount, "readOnly" | "recursiveReadOnly" | "propagation"> {
  readonly readOnly: true;
  /** Mount.recursive_read_only. */
  readonly recursiveReadOnly: true;
  readonly propagation?: "None" | undefined;
}

/** The files of an image: Mount.image. containerd 2.1 and later have it. Always read-only. */
interface ImageMount extends MountTarget {
  readonly hostPath?: undefined;
  /** The image, as a container's. */
  readonly image: string;
  /** A folder in it: Mount.image_sub_path. @default all of it */
  readonly subPath?: string | undefined;
  readonly propagation?: undefined;
  readonly readOnly?: true | undefined;
  readonly recursiveReadOnly?: undefined;
  readonly selinuxRelabel?: undefined;
  readonly mountOptions?: undefined;
}

/** What is mounted into a container: a path of the host, or an image. */
export type MountSpec = HostMount | RecursiveReadOnlyMount | ImageMount;

/** A device of the host: Device. */
export interface DeviceSpec {
  /** Device.host_path, absolute. */
  readonly hostPath: string;
  /** Device.container_path. @default the same */
  readonly containerPath?: string | undefined;
  /** Letters of `rwm` (read, write, make): Device.permissions. @default "rwm" */
  readonly permissions?: string | undefined;
}

interface ContainerBase {
  /** A DNS label of up to 63 characters, one container of each name in a pod: ContainerMetadata.name. */
  readonly name: string;
  /** ContainerMetadata.attempt: how often it was made before. `ensureContainer` counts by itself. @default 0 */
  readonly attempt?: number | undefined;
  /** The image by name or id: ImageSpec.user_specified_image; ImageSpec.image is the id of what the node has. */
  readonly image: string;
  /**
   * When the registry is asked, as in a Pod's `imagePullPolicy`. Not a part of the config: who creates the container obeys it.
   * @default "Always" for the tag `latest`, else "IfNotPresent", as the kubelet's
   */
  readonly pullPolicy?: PullPolicy | undefined;
  /** Replaces the image's ENTRYPOINT and CMD: ContainerConfig.command. @default the image's */
  readonly command?: readonly string[] | undefined;
  /** Replaces the image's CMD: ContainerConfig.args. @default the image's, unless there is a command */
  readonly args?: readonly string[] | undefined;
  /** ContainerConfig.working_dir. @default the image's, else "/" */
  readonly workingDir?: string | undefined;
  /** Variables by name, in order; bytes for what is no text: ContainerConfig.envs. @default the image's */
  readonly env?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** ContainerConfig.mounts. @default none */
  readonly mounts?: readonly MountSpec[] | undefined;
  /** ContainerConfig.devices. @default none */
  readonly devices?: readonly DeviceSpec[] | undefined;
  /** Names of CDI devices, `vendor.com/class=name`: ContainerConfig.CDI_devices. @default none */
  readonly cdiDevices?: readonly string[] | undefined;
  /**
   * Labels besides those that the kubelet writes (`io.kubernetes.container.name`, ...). A pod's are not copied:
   * ContainerConfig.labels.
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** ContainerConfig.annotations. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * The log below the pod's log directory: ContainerConfig.log_path. False for no log.
   * @default `<name>/<attempt>.log`, as the kubelet's
   */
  readonly logPath?: string | false | undefined;
  /** Whether it has a terminal: tty. @default false */
  readonly tty?: boolean | undefined;
  /** What ends it, `SIGINT` or `SIGRTMIN+3`: ContainerConfig.stop_signal. @default the image's, else SIGTERM */
  readonly stopSignal?: string | undefined;
  /** The id of a container whose processes this one sees: NamespaceOption.pid TARGET. @default none: as its pod says */
  readonly targetContainerId?: string | undefined;
  /** What it may use: LinuxContainerConfig.resources. */
  readonly resources?: ResourcesSpec | undefined;
  /** Who it runs as, and what it may: LinuxContainerConfig.security_context. */
  readonly security?: ContainerSecuritySpec | undefined;
  /** ContainerConfig.windows, passed through as it is. */
  readonly windows?: WindowsContainerConfig | undefined;
}

/** Whether a container has an input, and when that ends. */
type InputSpec =
  | {
      /** Whether it has an input to attach to: ContainerConfig.stdin. @default false */
      readonly stdin?: boolean | undefined;
      readonly stdinOnce?: false | undefined;
    }
  | {
      readonly stdin: true;
      /** Whether the input ends with the first session that wrote to it: ContainerConfig.stdin_once. @default false */
      readonly stdinOnce?: boolean | undefined;
    };

/** A container in the user's words. `containerConfig()` makes the whole ContainerConfig of it. */
export type ContainerSpec = ContainerBase & InputSpec;
