/** The containers of a Pod, and what belongs to one of them. */
import type { SecurityContext } from "./security.js";

/** A container of a Pod. An init container with `restartPolicy: "Always"` is a sidecar. */
export interface Container {
  /**
   * The arguments of the command; `$(NAME)` is replaced by variables of `env`. @default the arguments of the image, unless `command` is
   * set
   */
  readonly args?: readonly string[];
  /**
   * The program and its first arguments, without a shell; `$(NAME)` is replaced by variables of `env`. @default the entrypoint of the
   * image
   */
  readonly command?: readonly string[];
  /** Environment variables. They take precedence over those of `envFrom`. */
  readonly env?: readonly EnvVar[];
  /** ConfigMaps and Secrets whose keys become variables. Later ones take precedence. */
  readonly envFrom?: readonly EnvFromSource[];
  /** Required in a valid Pod. A name without a registry is on Docker Hub. */
  readonly image?: string;
  /** "Always", "IfNotPresent" or "Never". @default "Always" for the tag `latest`, otherwise "IfNotPresent" */
  readonly imagePullPolicy?: string;
  /** The hooks of the container, and the signal that stops it. */
  readonly lifecycle?: Lifecycle;
  /** The container is restarted when it fails. */
  readonly livenessProbe?: Probe;
  /** A DNS label, unique in the Pod. */
  readonly name: string;
  /** The ports that the container listens on. They have an effect through `hostPort`, and through names that probes use. */
  readonly ports?: readonly ContainerPort[];
  /** The container is ready while it succeeds. */
  readonly readinessProbe?: Probe;
  /** What happens to the container when its resources change. @default it keeps running */
  readonly resizePolicy?: readonly ContainerResizePolicy[];
  /** The requests and limits of the container. */
  readonly resources?: ResourceRequirements;
  /** "Always", "OnFailure" or "Never"; "Always" makes an init container a sidecar. @default that of the Pod */
  readonly restartPolicy?: string;
  /** Exceptions from `restartPolicy` by exit code. The first rule that matches applies. */
  readonly restartPolicyRules?: readonly ContainerRestartRule[];
  /** The user, the privileges and the security profiles of the container. */
  readonly securityContext?: SecurityContext;
  /** The other probes wait until it has succeeded. The container is restarted when it fails. */
  readonly startupProbe?: Probe;
  /** Whether the container has a stdin, for attach. @default false */
  readonly stdin?: boolean;
  /** Whether stdin is closed after the first client that attached has left. @default false */
  readonly stdinOnce?: boolean;
  /** @default "/dev/termination-log" */
  readonly terminationMessagePath?: string;
  /** "File" or "FallbackToLogsOnError". @default "File" */
  readonly terminationMessagePolicy?: string;
  /** Whether the container has a terminal; needs `stdin`. @default false */
  readonly tty?: boolean;
  /** Block devices of claims. Refused here. */
  readonly volumeDevices?: readonly VolumeDevice[];
  /** The volumes that the container sees, and where. */
  readonly volumeMounts?: readonly VolumeMount[];
  /** The absolute path in which the command starts. @default that of the image */
  readonly workingDir?: string;
}

/** A container that was added to a running Pod, for debugging. */
export interface EphemeralContainer extends Container {
  /** The container whose process namespace this one joins. */
  readonly targetContainerName?: string;
}

/** An environment variable. `$(NAME)` in `value` is replaced by variables defined before. */
export interface EnvVar {
  /** Any printable ASCII characters except "=". */
  readonly name: string;
  /** The value. `$$(NAME)` is the text `$(NAME)`. @default "" */
  readonly value?: string;
  /** The source of the value, instead of `value`. */
  readonly valueFrom?: EnvVarSource;
}

/** Where the value of a variable comes from. Exactly one field is set. */
export interface EnvVarSource {
  /** A key of a ConfigMap. */
  readonly configMapKeyRef?: ConfigMapKeySelector;
  /** A field of the Pod: its name, namespace, uid, labels, annotations, service account, node or addresses. */
  readonly fieldRef?: ObjectFieldSelector;
  /** A variable in a file of a volume. */
  readonly fileKeyRef?: FileKeySelector;
  /** A request or limit of a container. */
  readonly resourceFieldRef?: ResourceFieldSelector;
  /** A key of a Secret. */
  readonly secretKeyRef?: SecretKeySelector;
}

/** A key of a ConfigMap. */
export interface ConfigMapKeySelector {
  /** The key in `data`. */
  readonly key: string;
  /** The name of the ConfigMap, in the namespace of the Pod. */
  readonly name?: string;
  /** Whether the variable is left out if the ConfigMap or the key is missing; otherwise the container does not start. @default false */
  readonly optional?: boolean;
}

/** A key of a Secret. */
export interface SecretKeySelector {
  /** The key in `data`. */
  readonly key: string;
  /** The name of the Secret, in the namespace of the Pod. */
  readonly name?: string;
  /** Whether the variable is left out if the Secret or the key is missing; otherwise the container does not start. @default false */
  readonly optional?: boolean;
}

/** A field of the Pod, such as `metadata.name` or `status.podIP`. */
export interface ObjectFieldSelector {
  /** The version of the field path. @default "v1" */
  readonly apiVersion?: string;
  /** The path of the field. One label or annotation is `metadata.labels['KEY']` or `metadata.annotations['KEY']`. */
  readonly fieldPath: string;
}

/** A request or limit of a container, such as `limits.cpu`. */
export interface ResourceFieldSelector {
  /** The container. Required in volumes. @default the container of the variable */
  readonly containerName?: string;
  /** The unit of the result, which is rounded up: "1m" or "1" for cpu, a power of 1000 or 1024 for bytes. @default "1" */
  readonly divisor?: Quantity;
  /** `limits.` or `requests.` with cpu, memory, ephemeral-storage or hugepages-SIZE. */
  readonly resource: string;
}

/** A variable in a file of a volume. */
export interface FileKeySelector {
  /** The name of the variable in the file. */
  readonly key: string;
  /** Whether the variable is left out if the file or the key is missing; otherwise the container does not start. @default false */
  readonly optional?: boolean;
  /** The path of the file in the volume. */
  readonly path: string;
  /** The volume, an `emptyDir` that an init container writes to. */
  readonly volumeName: string;
}

/** All keys of a ConfigMap or Secret as variables. */
export interface EnvFromSource {
  /** The ConfigMap. */
  readonly configMapRef?: ConfigMapEnvSource;
  /** Precedes the name of each variable. @default "" */
  readonly prefix?: string;
  /** The Secret. */
  readonly secretRef?: SecretEnvSource;
}

/** A ConfigMap whose keys become variables. */
export interface ConfigMapEnvSource {
  /** The name of the ConfigMap, in the namespace of the Pod. */
  readonly name?: string;
  /** Whether the ConfigMap may be missing; otherwise the container does not start. @default false */
  readonly optional?: boolean;
}

/** A Secret whose keys become variables. */
export interface SecretEnvSource {
  /** The name of the Secret, in the namespace of the Pod. */
  readonly name?: string;
  /** Whether the Secret may be missing; otherwise the container does not start. @default false */
  readonly optional?: boolean;
}

/** What runs after the start and before the stop of a container. */
export interface Lifecycle {
  /** Runs right after the start, beside the command. The container is killed if it fails. */
  readonly postStart?: LifecycleHandler;
  /** Runs before the stop signal, within the grace period. */
  readonly preStop?: LifecycleHandler;
  /** The signal that asks the container to end, such as "SIGTERM". Needs `spec.os.name`. @default that of the image */
  readonly stopSignal?: string;
}

/** An action of a hook. Exactly one field is set. */
export interface LifecycleHandler {
  /** Runs a command in the container. */
  readonly exec?: ExecAction;
  /** Sends a GET request to the pod. */
  readonly httpGet?: HTTPGetAction;
  /** Waits. */
  readonly sleep?: SleepAction;
  /** Connects to a port. Refused here: no kubelet runs it. */
  readonly tcpSocket?: TCPSocketAction;
}

/** A periodic check of a container. Exactly one of `exec`, `httpGet`, `tcpSocket` and `grpc` is set. */
export interface Probe {
  /** Runs a command in the container: exit code 0 is success. */
  readonly exec?: ExecAction;
  /** Failures in a row. @default 3 */
  readonly failureThreshold?: number;
  /** Calls the health service of a gRPC server: SERVING is success. */
  readonly grpc?: GRPCAction;
  /** Sends a GET request: a status from 200 to 399 is success. */
  readonly httpGet?: HTTPGetAction;
  /** @default 0 */
  readonly initialDelaySeconds?: number;
  /** @default 10 */
  readonly periodSeconds?: number;
  /** Successes in a row: 1 unless it is a readiness probe. @default 1 */
  readonly successThreshold?: number;
  /** Connects to a port: an open port is success. */
  readonly tcpSocket?: TCPSocketAction;
  /** Instead of the Pod's, at least 1; not for readiness probes. */
  readonly terminationGracePeriodSeconds?: number;
  /** @default 1 */
  readonly timeoutSeconds?: number;
}

/** A command, run without a shell. */
export interface ExecAction {
  /** The program and its arguments. */
  readonly command?: readonly string[];
}

/** An HTTP request. */
export interface HTTPGetAction {
  /** @default the address of the pod */
  readonly host?: string;
  /** Headers of the request. A name may occur several times. */
  readonly httpHeaders?: readonly HTTPHeader[];
  /** @default "/" */
  readonly path?: string;
  /** A number, or the name of a port of the container. */
  readonly port: number | string;
  /** "HTTP" or "HTTPS". @default "HTTP" */
  readonly scheme?: string;
}

/** A header of a request. */
export interface HTTPHeader {
  /** The name of the header. */
  readonly name: string;
  /** The value of the header. */
  readonly value: string;
}

/** A connection to a port. */
export interface TCPSocketAction {
  /** The host to connect to. @default the address of the pod */
  readonly host?: string;
  /** A number, or the name of a port of the container. */
  readonly port: number | string;
}

/** A call of grpc.health.v1.Health/Check. */
export interface GRPCAction {
  /** The number of the port. */
  readonly port: number;
  /** The service in the health request. @default "" */
  readonly service?: string;
}

/** A pause. */
export interface SleepAction {
  /** At most `terminationGracePeriodSeconds`. */
  readonly seconds: number;
}

/** A port of a container, and the port of the host that leads to it. */
export interface ContainerPort {
  /** The port in the network of the pod, from 1 to 65535. */
  readonly containerPort: number;
  /** The address of the host that `hostPort` is bound to. @default all addresses */
  readonly hostIP?: string;
  /** @default none; in the host's network, `containerPort` */
  readonly hostPort?: number;
  /** At most 15 lower-case letters, digits and "-". */
  readonly name?: string;
  /** "TCP", "UDP" or "SCTP". @default "TCP" */
  readonly protocol?: string;
}

/** Whether the container restarts when a resource is resized. */
export interface ContainerResizePolicy {
  /** "cpu" or "memory". */
  readonly resourceName: string;
  /** "NotRequired" or "RestartContainer". */
  readonly restartPolicy: string;
}

/** Requests and limits by the name of the resource. Quantities are strings such as "100m" and "64Mi", or numbers. */
export interface ResourceRequirements {
  /** The claims of `spec.resourceClaims` that the container uses. */
  readonly claims?: readonly ResourceClaim[];
  /** What the container may use at most. */
  readonly limits?: Resources;
  /** What is reserved for the container. @default the limits */
  readonly requests?: Resources;
}

/** A claim of `spec.resourceClaims` that a container uses. */
export interface ResourceClaim {
  /** A name in `spec.resourceClaims`. */
  readonly name: string;
  /** A request of the claim. @default all of its requests */
  readonly request?: string;
}

/** An exception from the restart policy. */
export interface ContainerRestartRule {
  /** "Restart" or "RestartAllContainers". */
  readonly action: string;
  /** The exit codes that the rule applies to. */
  readonly exitCodes?: ContainerRestartRuleOnExitCodes;
}

/** The exit codes that a restart rule applies to. */
export interface ContainerRestartRuleOnExitCodes {
  /** "In" or "NotIn". */
  readonly operator: string;
  /** The exit codes, at most 255 of them. */
  readonly values?: readonly number[];
}

/** A volume in the file system of a container. */
export interface VolumeMount {
  /** The path in the container, unique among its mounts. */
  readonly mountPath: string;
  /** "None", "HostToContainer", or "Bidirectional" for privileged containers. @default "None" */
  readonly mountPropagation?: string;
  /** The name of a volume of the Pod. */
  readonly name: string;
  /** Whether the container cannot write to it. @default false */
  readonly readOnly?: boolean;
  /** "Disabled", "IfPossible" or "Enabled", with `readOnly`. @default "Disabled" */
  readonly recursiveReadOnly?: string;
  /** A path in the volume, without "..". @default the volume itself */
  readonly subPath?: string;
  /** As `subPath`, with $(VARIABLE). */
  readonly subPathExpr?: string;
}

/** A block device of a container. */
export interface VolumeDevice {
  /** The path of the device in the container. */
  readonly devicePath: string;
  /** The name of a volume of the Pod, which is a claim. */
  readonly name: string;
}

/** An amount: a string such as "100m", "1.5" or "64Mi", or a number. */
export type Quantity = string | number;

/** Amounts by the name of the resource, such as `cpu`, `memory` and `hugepages-2Mi`. */
export interface Resources {
  /** The amount of a resource. */
  readonly [name: string]: Quantity;
}
