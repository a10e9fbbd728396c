/** Pods with their defaults. Each of these types is assignable to the type without `Defaulted`. */
import type {
  Container,
  ContainerPort,
  EnvFromSource,
  EnvVar,
  ExecAction,
  GRPCAction,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  ObjectMeta,
  Pod,
  PodSecurityContext,
  PodSpec,
  Probe,
  ResourceRequirements,
  SleepAction,
  TCPSocketAction,
  Volume,
  VolumeMount,
} from "../api/index.js";

/** A Pod in which every field that has a default is set: {@link defaultPod}. */
export interface DefaultedPod extends Pod {
  readonly apiVersion: "v1";
  readonly kind: "Pod";
  /** The metadata, with its defaults. */
  readonly metadata: DefaultedObjectMeta;
  /** The spec, with its defaults. */
  readonly spec: DefaultedPodSpec;
}

/** The metadata of a Pod with its defaults. */
export interface DefaultedObjectMeta extends ObjectMeta {
  /** From `generateName` and a hash of the Pod when the name is absent; "" when both are. */
  readonly name: string;
  /** @default "default" */
  readonly namespace: string;
  /** @default a hash of the Pod's content, so that another content has another uid */
  readonly uid: string;
}

/** The spec of a Pod with its defaults. Lists that are absent are empty. */
export interface DefaultedPodSpec extends PodSpec {
  /** The containers, with their defaults. */
  readonly containers: readonly DefaultedContainer[];
  /** The init containers, with their defaults. @default [] */
  readonly initContainers: readonly DefaultedContainer[];
  /** The ephemeral containers, with their defaults. @default [] */
  readonly ephemeralContainers: readonly DefaultedEphemeralContainer[];
  /** The volumes, with their defaults. @default [] */
  readonly volumes: readonly DefaultedVolume[];
  /** @default "Always" */
  readonly restartPolicy: string;
  /** @default "ClusterFirst" */
  readonly dnsPolicy: string;
  /** @default "default-scheduler" */
  readonly schedulerName: string;
  /** In seconds. @default 30 */
  readonly terminationGracePeriodSeconds: number;
  /** @default true */
  readonly enableServiceLinks: boolean;
  /** @default {} */
  readonly securityContext: PodSecurityContext;
}

/** A container with its defaults. Lists that are absent are empty. */
export interface DefaultedContainer extends Container {
  /** "" when it is absent, which a valid Pod does not have. */
  readonly image: string;
  /** @default "Always" for the tag `latest`, otherwise "IfNotPresent" */
  readonly imagePullPolicy: string;
  /** @default "/dev/termination-log" */
  readonly terminationMessagePath: string;
  /** @default "File" */
  readonly terminationMessagePolicy: string;
  /** A limit without a request is also the request. @default {} */
  readonly resources: ResourceRequirements;
  /** @default [] */
  readonly env: readonly EnvVar[];
  /** @default [] */
  readonly envFrom: readonly EnvFromSource[];
  /** @default [] */
  readonly ports: readonly DefaultedContainerPort[];
  /** @default [] */
  readonly volumeMounts: readonly VolumeMount[];
  /** The probe, with its defaults. */
  readonly livenessProbe?: DefaultedProbe;
  /** The probe, with its defaults. */
  readonly readinessProbe?: DefaultedProbe;
  /** The probe, with its defaults. */
  readonly startupProbe?: DefaultedProbe;
  /** The hooks, with their defaults. */
  readonly lifecycle?: DefaultedLifecycle;
}

/** An ephemeral container with its defaults. Its limits are not copied to its requests. */
export interface DefaultedEphemeralContainer extends DefaultedContainer {
  /** The container whose process namespace this one joins. */
  readonly targetContainerName?: string;
}

/** A port with its defaults. In a pod on the host's network, `hostPort` is the container's port. */
export interface DefaultedContainerPort extends ContainerPort {
  /** @default "TCP" */
  readonly protocol: string;
}

/** A probe with its defaults. */
export interface DefaultedProbe extends Probe {
  /** @default 3 */
  readonly failureThreshold: number;
  /** In seconds. @default 0 */
  readonly initialDelaySeconds: number;
  /** In seconds. @default 10 */
  readonly periodSeconds: number;
  /** @default 1 */
  readonly successThreshold: number;
  /** In seconds. @default 1 */
  readonly timeoutSeconds: number;
  /** The command. */
  readonly exec?: ExecAction;
  /** The call. */
  readonly grpc?: GRPCAction;
  /** The request, with its defaults. */
  readonly httpGet?: DefaultedHTTPGetAction;
  /** The connection. */
  readonly tcpSocket?: TCPSocketAction;
}

/** The hooks of a container with their defaults. */
export interface DefaultedLifecycle extends Lifecycle {
  /** The hook, with its defaults. */
  readonly postStart?: DefaultedLifecycleHandler;
  /** The hook, with its defaults. */
  readonly preStop?: DefaultedLifecycleHandler;
}

/** The action of a hook with its defaults. */
export interface DefaultedLifecycleHandler extends LifecycleHandler {
  /** The command. */
  readonly exec?: ExecAction;
  /** The request, with its defaults. */
  readonly httpGet?: DefaultedHTTPGetAction;
  /** The pause. */
  readonly sleep?: SleepAction;
  /** The connection. Refused by validation. */
  readonly tcpSocket?: TCPSocketAction;
}

/** An HTTP request with its defaults. */
export interface DefaultedHTTPGetAction extends HTTPGetAction {
  /** @default "/" */
  readonly path: string;
  /** @default "HTTP" */
  readonly scheme: string;
}

/**
 * A volume with its defaults: one without a source is an `emptyDir`, the `defaultMode` of files is 0o644, the `type` of a hostPath is
 * "", and an image has a `pullPolicy`.
 */
export type DefaultedVolume = Volume;
