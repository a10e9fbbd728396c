/** The containers of a Pod, and what belongs to one of them. */
import type { SecurityContext } from "./security.js";

/** A container of a Pod. An init container with `restartPolicy: "Always"` is a sidecar. */
export interface Container {
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly EnvFromSource[];
  /** Required in a valid Pod. A name without a registry is on Docker Hub. */
  readonly image?: string;
  /** "Always", "IfNotPresent" or "Never". @default "Always" for the tag `latest`, otherwise "IfNotPresent" */
  readonly imagePullPolicy?: string;
  readonly lifecycle?: Lifecycle;
  readonly livenessProbe?: Probe;
  /** A DNS label, unique in the Pod. */
  readonly name: string;
  readonly ports?: readonly ContainerPort[];
  readonly readinessProbe?: Probe;
  readonly resizePolicy?: readonly ContainerResizePolicy[];
  readonly resources?: ResourceRequirements;
  /** "Always", "OnFailure" or "Never"; "Always" makes an init container a sidecar. @default that of the Pod */
  readonly restartPolicy?: string;
  readonly restartPolicyRules?: readonly ContainerRestartRule[];
  readonly securityContext?: SecurityContext;
  readonly startupProbe?: Probe;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  /** @default "/dev/termination-log" */
  readonly terminationMessagePath?: string;
  /** "File" or "FallbackToLogsOnError". @default "File" */
  readonly terminationMessagePolicy?: string;
  readonly tty?: boolean;
  readonly volumeDevices?: readonly VolumeDevice[];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly workingDir?: string;
}

/** A container that was added to a running Pod, for debugging. */
export interface EphemeralContainer extends Container {
  /** The container whose process namespace this one joins. */
  readonly targetContainerName?: string;
}

/** An environment variable. `$(NAME)` in `value` is replaced by variables defined before. */
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: EnvVarSource;
}

/** Where the value of a variable comes from. Exactly one field is set. */
export interface EnvVarSource {
  readonly configMapKeyRef?: ConfigMapKeySelector;
  readonly fieldRef?: ObjectFieldSelector;
  readonly fileKeyRef?: FileKeySelector;
  readonly resourceFieldRef?: ResourceFieldSelector;
  readonly secretKeyRef?: SecretKeySelector;
}

/** A key of a ConfigMap. */
export interface ConfigMapKeySelector {
  readonly key: string;
  readonly name?: string;
  readonly optional?: boolean;
}

/** A key of a Secret. */
export interface SecretKeySelector {
  readonly key: string;
  readonly name?: string;
  readonly optional?: boolean;
}

/** A field of the Pod, such as `metadata.name` or `status.podIP`. */
export interface ObjectFieldSelector {
  readonly apiVersion?: string;
  readonly fieldPath: string;
}

/** A request or limit of a container, such as `limits.cpu`. */
export interface ResourceFieldSelector {
  readonly containerName?: string;
  /** The unit of the result, which is rounded up: "1m" or "1" for cpu, a power of 1000 or 1024 for bytes. @default "1" */
  readonly divisor?: Quantity;
  /** `limits.` or `requests.` with cpu, memory, ephemeral-storage or hugepages-SIZE. */
  readonly resource: string;
}

/** A variable in a file of a volume. */
export interface FileKeySelector {
  readonly key: string;
  readonly optional?: boolean;
  readonly path: string;
  readonly volumeName: string;
}

/** All keys of a ConfigMap or Secret as variables. */
export interface EnvFromSource {
  readonly configMapRef?: ConfigMapEnvSource;
  readonly prefix?: string;
  readonly secretRef?: SecretEnvSource;
}

/** A ConfigMap whose keys become variables. */
export interface ConfigMapEnvSource {
  readonly name?: string;
  readonly optional?: boolean;
}

/** A Secret whose keys become variables. */
export interface SecretEnvSource {
  readonly name?: string;
  readonly optional?: boolean;
}

/** What runs after the start and before the stop of a container. */
export interface Lifecycle {
  readonly postStart?: LifecycleHandler;
  readonly preStop?: LifecycleHandler;
  readonly stopSignal?: string;
}

/** An action of a hook. Exactly one field is set. */
export interface LifecycleHandler {
  readonly exec?: ExecAction;
  readonly httpGet?: HTTPGetAction;
  readonly sleep?: SleepAction;
  readonly tcpSocket?: TCPSocketAction;
}

/** A periodic check of a container. Exactly one of `exec`, `httpGet`, `tcpSocket` and `grpc` is set. */
export interface Probe {
  readonly exec?: ExecAction;
  /** Failures in a row. @default 3 */
  readonly failureThreshold?: number;
  readonly grpc?: GRPCAction;
  readonly httpGet?: HTTPGetAction;
  /** @default 0 */
  readonly initialDelaySeconds?: number;
  /** @default 10 */
  readonly periodSeconds?: number;
  /** Successes in a row: 1 unless it is a readiness probe. @default 1 */
  readonly successThreshold?: number;
  readonly tcpSocket?: TCPSocketAction;
  /** Instead of the Pod's, at least 1; not for readiness probes. */
  readonly terminationGracePeriodSeconds?: number;
  /** @default 1 */
  readonly timeoutSeconds?: number;
}

/** A command, run without a shell. */
export interface ExecAction {
  readonly command?: readonly string[];
}

/** An HTTP request. */
export interface HTTPGetAction {
  /** @default the address of the pod */
  readonly host?: string;
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
  readonly name: string;
  readonly value: string;
}

/** A connection to a port. */
export interface TCPSocketAction {
  readonly host?: string;
  readonly port: number | string;
}

/** A call of grpc.health.v1.Health/Check. */
export interface GRPCAction {
  readonly port: number;
  readonly service?: string;
}

/** A pause. */
export interface SleepAction {
  /** At most `terminationGracePeriodSeconds`. */
  readonly seconds: number;
}

/** A port of a container, and the port of the host that leads to it. */
export interface ContainerPort {
  readonly containerPort: number;
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
  readonly resourceName: string;
  readonly restartPolicy: string;
}

/** Requests and limits by the name of the resource. Quantities are strings such as "100m" and "64Mi", or numbers. */
export interface ResourceRequirements {
  readonly claims?: readonly ResourceClaim[];
  readonly limits?: Resources;
  readonly requests?: Resources;
}

/** A claim of `spec.resourceClaims` that a container uses. */
export interface ResourceClaim {
  readonly name: string;
  readonly request?: string;
}

/** An exception from the restart policy. */
export interface ContainerRestartRule {
  readonly action: string;
  readonly exitCodes?: ContainerRestartRuleOnExitCodes;
}

/** The exit codes that a restart rule applies to. */
export interface ContainerRestartRuleOnExitCodes {
  readonly operator: string;
  readonly values?: readonly number[];
}

/** A volume in the file system of a container. */
export interface VolumeMount {
  readonly mountPath: string;
  /** "None", "HostToContainer", or "Bidirectional" for privileged containers. @default "None" */
  readonly mountPropagation?: string;
  readonly name: string;
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
  readonly devicePath: string;
  readonly name: string;
}

/** An amount: a string such as "100m", "1.5" or "64Mi", or a number. */
export type Quantity = string | number;

/** Amounts by the name of the resource, such as `cpu`, `memory` and `hugepages-2Mi`. */
export interface Resources {
  readonly [name: string]: Quantity;
}
