/** What becomes of each field of a Pod here. Validation refuses by these tables, and docs/kubernetes.md shows them. */
import type {
  Container,
  ContainerPort,
  EmptyDirVolumeSource,
  EnvFromSource,
  EnvVarSource,
  EphemeralContainer,
  Lifecycle,
  LifecycleHandler,
  ObjectMeta,
  PodSecurityContext,
  PodSpec,
  Probe,
  ResourceRequirements,
  SecurityContext,
  Volume,
  VolumeMount,
  VolumeProjection,
} from "./api/index.js";

/** What takes the place of an API server for a field: an input of {@link ValidatePodOptions}, or a plug-in for the source of a volume. */
export type FieldInput =
  | "configMaps"
  | "secrets"
  | "runtimeClasses"
  | "serviceAccountTokens"
  | "readinessGates"
  | "volumePlugin";

/** What becomes of a field. */
export interface FieldSupport {
  /**
   * `done`: as the kubelet does. `refused`: a Pod with this field is not valid here. `needs-api-server`: the same, unless `input` is
   * given. `not-used`: the field is for schedulers and controllers; what it asks for has no effect on a node.
   */
  readonly support: "done" | "refused" | "needs-api-server" | "not-used";
  /** Half a sentence for the table of the docs; of refused fields, the reason, which is part of errors. */
  readonly text: string;
  /** What may be given instead of an API server. */
  readonly input?: FieldInput;
}

/** A row for every field of a type: a new field does not compile without one. */
export type FieldTable<T> = Readonly<Record<keyof T, FieldSupport>>;

const done = (text: string): FieldSupport => ({ support: "done", text });
const refused = (text: string): FieldSupport => ({ support: "refused", text });
const notUsed = (text: string): FieldSupport => ({ support: "not-used", text });
const needsApi = (text: string, input?: FieldInput): FieldSupport => ({
  support: "needs-api-server",
  text,
  ...(input && { input }),
});

const scheduling = notUsed("for schedulers: the Pod runs on this node");
const windows = refused("for Windows containers, which this package does not run");
const token = needsApi(
  "only an API server issues tokens: set automountServiceAccountToken: false to run without one",
  "serviceAccountTokens",
);
const claims = needsApi(
  "a driver of dynamic resource allocation prepares claims that an API server allocates",
);

/** The fields of `spec`. */
export const podFields: FieldTable<PodSpec> = {
  activeDeadlineSeconds: done("the Pod fails with DeadlineExceeded after it"),
  affinity: scheduling,
  automountServiceAccountToken: token,
  containers: done("see the fields of containers"),
  dnsConfig: done("is merged with the settings that result from dnsPolicy"),
  dnsPolicy: done("cluster DNS where the node has it, otherwise the node's resolv.conf"),
  enableServiceLinks: done("variables of the Services that are given as inputs"),
  ephemeralContainers: done("start with the Pod, and never restart"),
  hostAliases: done("lines of /etc/hosts"),
  hostIPC: done("the node's IPC namespace"),
  hostNetwork: done("the node's network namespace"),
  hostPID: done("the node's PID namespace"),
  hostUsers: done("false: a user namespace of the pod, where the runtime handler has them"),
  hostname: done("the hostname, instead of the name of the Pod"),
  hostnameOverride: done("the hostname, instead of all other fields"),
  imagePullSecrets: needsApi("Secrets with the credentials of registries", "secrets"),
  initContainers: done("in order; with restartPolicy Always, sidecars"),
  nodeName: notUsed("the Pod runs on this node, whatever its name is"),
  nodeSelector: scheduling,
  os: done("linux"),
  overhead: done("is sent with the sandbox, and counts for the cgroup of the pod"),
  preemptionPolicy: scheduling,
  priority: done("decides with priorityClassName whether a Pod is critical"),
  priorityClassName: done("system-node-critical: containers are killed last when memory runs out"),
  readinessGates: needsApi(
    "other programs set the conditions of the Pod there; it would never be ready",
    "readinessGates",
  ),
  resourceClaims: claims,
  resources: done("of the pod as a whole"),
  restartPolicy: done("Always, OnFailure and Never, with a back-off from 10 s to 5 min"),
  runtimeClassName: needsApi("the handler of a RuntimeClass", "runtimeClasses"),
  schedulerName: scheduling,
  schedulingGates: refused("a Pod with gates waits until a controller removes them: remove them"),
  schedulingGroup: scheduling,
  securityContext: done("see the fields of the security context of pods"),
  serviceAccount: token,
  serviceAccountName: token,
  setHostnameAsFQDN: done("the hostname has the domain"),
  shareProcessNamespace: done("one PID namespace for all containers"),
  subdomain: done("the domain of the Pod"),
  terminationGracePeriodSeconds: done("how long containers have to end"),
  tolerations: scheduling,
  topologySpreadConstraints: scheduling,
  volumes: done("see the sources of volumes"),
  workloadRef: scheduling,
};

/** The fields of regular and init containers. */
export const containerFields: FieldTable<Container> = {
  args: done("with $(VARIABLE)"),
  command: done("with $(VARIABLE)"),
  env: done("with $(VARIABLE), and all sources"),
  envFrom: done("all keys of a ConfigMap or Secret"),
  image: done("is pulled with the credentials of imagePullSecrets and of the node"),
  imagePullPolicy: done("Always, IfNotPresent and Never"),
  lifecycle: done("see the fields of hooks"),
  livenessProbe: done("a container that fails it is restarted"),
  name: done("the name of the container"),
  ports: done("those with a hostPort are opened by the runtime"),
  readinessProbe: done("the condition Ready"),
  resizePolicy: done("NotRequired and RestartContainer, for new resources of a Pod of a kubelet"),
  resources: done("requests and limits"),
  restartPolicy: done("of one container, instead of the Pod's"),
  restartPolicyRules: done("by exit codes, instead of restartPolicy"),
  securityContext: done("see the fields of the security context of containers"),
  startupProbe: done("the other probes wait for it"),
  stdin: done("is open"),
  stdinOnce: done("is closed after the first attach"),
  terminationMessagePath: done("a file whose content becomes the message of the status"),
  terminationMessagePolicy: done("FallbackToLogsOnError: otherwise the end of the log"),
  tty: done("a terminal"),
  volumeDevices: refused("block devices come from PersistentVolumeClaims, for which an API server is needed"),
  volumeMounts: done("see the fields of mounts"),
  workingDir: done("instead of the image's"),
};

const notForEphemeral = refused("ephemeral containers do not have it");

/** The fields of ephemeral containers: those of containers, except what only makes sense from the start of a Pod. */
export const ephemeralContainerFields: FieldTable<EphemeralContainer> = {
  ...containerFields,
  lifecycle: notForEphemeral,
  livenessProbe: notForEphemeral,
  ports: notForEphemeral,
  readinessProbe: notForEphemeral,
  resizePolicy: notForEphemeral,
  resources: notForEphemeral,
  restartPolicy: notForEphemeral,
  restartPolicyRules: notForEphemeral,
  startupProbe: notForEphemeral,
  targetContainerName: done("the PID namespace of that container"),
};

const plugin = needsApi("this package cannot mount it: pass a plug-in in volumePlugins", "volumePlugin");
const claimPlugin = needsApi("an API server binds claims: pass a plug-in in volumePlugins", "volumePlugin");

/** The sources of volumes. */
export const volumeFields: FieldTable<Volume> = {
  awsElasticBlockStore: plugin,
  azureDisk: plugin,
  azureFile: plugin,
  cephfs: plugin,
  cinder: plugin,
  configMap: needsApi("the keys of a ConfigMap as files, which follow its updates", "configMaps"),
  csi: plugin,
  downwardAPI: done("fields of the Pod as files"),
  emptyDir: done("on the disk of the node, or in memory"),
  ephemeral: claimPlugin,
  fc: plugin,
  flexVolume: plugin,
  flocker: plugin,
  gcePersistentDisk: plugin,
  gitRepo: plugin,
  glusterfs: plugin,
  hostPath: done("a file or folder of the node, with all types"),
  image: done("an image as a read-only folder, where the runtime has it"),
  iscsi: plugin,
  name: done("what volumeMounts refer to"),
  nfs: plugin,
  persistentVolumeClaim: claimPlugin,
  photonPersistentDisk: plugin,
  portworxVolume: plugin,
  projected: done("several sources in one folder"),
  quobyte: plugin,
  rbd: plugin,
  scaleIO: plugin,
  secret: needsApi("the keys of a Secret as files in memory, which follow its updates", "secrets"),
  storageos: plugin,
  vsphereVolume: plugin,
};

/** The sources of projected volumes. */
export const projectionFields: FieldTable<VolumeProjection> = {
  clusterTrustBundle: needsApi("only an API server has trust bundles"),
  configMap: needsApi("the keys of a ConfigMap as files", "configMaps"),
  downwardAPI: done("fields of the Pod as files"),
  podCertificate: needsApi("only an API server issues certificates"),
  secret: needsApi("the keys of a Secret as files", "secrets"),
  serviceAccountToken: needsApi("only an API server issues tokens", "serviceAccountTokens"),
};

/** The fields of an emptyDir. */
export const emptyDirFields: FieldTable<EmptyDirVolumeSource> = {
  medium: done('"" for the disk of the node, "Memory" for a tmpfs; huge pages are refused'),
  sizeLimit: done("the size of a tmpfs; on disk, a kubelet evicts a Pod that uses more"),
};

/** The fields of mounts. */
export const volumeMountFields: FieldTable<VolumeMount> = {
  mountPath: done("the path in the container"),
  mountPropagation: done("None, HostToContainer and Bidirectional"),
  name: done("the name of the volume"),
  readOnly: done("the container cannot write"),
  recursiveReadOnly: done("Enabled, IfPossible and Disabled, by what the runtime handler has"),
  subPath: done("a path in the volume, never outside of it"),
  subPathExpr: done("the same, with $(VARIABLE)"),
};

/** The sources of the values of variables. */
export const envSourceFields: FieldTable<EnvVarSource> = {
  configMapKeyRef: needsApi("a key of a ConfigMap", "configMaps"),
  fieldRef: done(
    "metadata, spec.nodeName, spec.serviceAccountName, and the addresses of the Pod and the node",
  ),
  fileKeyRef: done("a variable in a file of an emptyDir"),
  resourceFieldRef: done("requests and limits, or what the node has"),
  secretKeyRef: needsApi("a key of a Secret", "secrets"),
};

/** The fields of `envFrom`. */
export const envFromFields: FieldTable<EnvFromSource> = {
  configMapRef: needsApi("all keys of a ConfigMap", "configMaps"),
  prefix: done("before each name"),
  secretRef: needsApi("all keys of a Secret", "secrets"),
};

/** The fields of ports. */
export const portFields: FieldTable<ContainerPort> = {
  containerPort: done("the port in the pod"),
  hostIP: done("the address of the node on which hostPort is opened"),
  hostPort: done("the port of the node"),
  name: done("what probes and hooks refer to"),
  protocol: done("TCP, UDP and SCTP"),
};

/** The fields of `resources`. */
export const resourceFields: FieldTable<ResourceRequirements> = {
  claims,
  limits: done("cpu, memory and hugepages-SIZE; a kubelet evicts a Pod that exceeds ephemeral-storage"),
  requests: done("cpu and memory: CPU shares, OOM scores and the QoS class"),
};

/** The fields of the security context of a pod. */
export const podSecurityFields: FieldTable<PodSecurityContext> = {
  appArmorProfile: done("of containers without one"),
  fsGroup: done("owns the pod's volumes"),
  fsGroupChangePolicy: done("Always and OnRootMismatch"),
  runAsGroup: done("of containers without one"),
  runAsNonRoot: done("of containers without it"),
  runAsUser: done("of containers without one"),
  seLinuxChangePolicy: notUsed("the runtime relabels volumes"),
  seLinuxOptions: done("of containers without them"),
  seccompProfile: done("of containers without one"),
  supplementalGroups: done("of all containers"),
  supplementalGroupsPolicy: done("Merge and Strict, by what the runtime has"),
  sysctls: done("of the namespaces of the pod"),
  windowsOptions: windows,
};

/** The fields of the security context of a container. */
export const securityFields: FieldTable<SecurityContext> = {
  allowPrivilegeEscalation: done("false: no_new_privs"),
  appArmorProfile: done("RuntimeDefault, Localhost and Unconfined"),
  capabilities: done("are added to and dropped from the runtime's"),
  privileged: done("all capabilities and devices"),
  procMount: done("Default and Unmasked"),
  readOnlyRootFilesystem: done("the container cannot write to its image"),
  runAsGroup: done("the group of its processes"),
  runAsNonRoot: done("is checked against the user of the image"),
  runAsUser: done("the user of its processes"),
  seLinuxOptions: done("the SELinux label"),
  seccompProfile: done("RuntimeDefault, Localhost and Unconfined"),
  windowsOptions: windows,
};

/** The fields of probes. */
export const probeFields: FieldTable<Probe> = {
  exec: done("by ExecSync"),
  failureThreshold: done("failures in a row"),
  grpc: done("grpc.health.v1.Health/Check"),
  httpGet: done("from this process, to the address of the pod"),
  initialDelaySeconds: done("after the start of the container"),
  periodSeconds: done("between two probes"),
  successThreshold: done("successes in a row"),
  tcpSocket: done("from this process, to the address of the pod"),
  terminationGracePeriodSeconds: done("instead of the Pod's, when the probe ends the container"),
  timeoutSeconds: done("of one probe"),
};

/** The fields of hooks. */
export const lifecycleFields: FieldTable<Lifecycle> = {
  postStart: done("right after the start; the container is not ready before its end"),
  preStop: done("before the stop, within the grace period"),
  stopSignal: done("instead of the image's, where the runtime has it"),
};

/** The actions of hooks. */
export const lifecycleHandlerFields: FieldTable<LifecycleHandler> = {
  exec: done("by ExecSync"),
  httpGet: done("from this process, to the address of the pod"),
  sleep: done("a pause"),
  tcpSocket: refused("the kubelet does not support it in hooks: use exec or httpGet"),
};

const objects = notUsed("for API servers and controllers");

/** The fields of `metadata`. */
export const metadataFields: FieldTable<ObjectMeta> = {
  annotations: done("of the sandbox"),
  creationTimestamp: objects,
  deletionGracePeriodSeconds: done("of a Pod that is being deleted"),
  deletionTimestamp: done("a Pod that has one is not started"),
  finalizers: objects,
  generateName: done("the end of the name is a hash of the Pod, so that it is the same each time"),
  generation: objects,
  labels: done("of the sandbox"),
  managedFields: objects,
  name: done("of the sandbox"),
  namespace: done("of the sandbox"),
  ownerReferences: objects,
  resourceVersion: objects,
  selfLink: objects,
  uid: done("of the sandbox; a hash of the Pod when it is absent"),
};

/** The tables by the names of the API's types. */
export const fieldTables: Readonly<Record<string, Readonly<Record<string, FieldSupport>>>> = {
  ObjectMeta: metadataFields,
  PodSpec: podFields,
  Container: containerFields,
  EphemeralContainer: ephemeralContainerFields,
  Volume: volumeFields,
  VolumeProjection: projectionFields,
  EmptyDirVolumeSource: emptyDirFields,
  VolumeMount: volumeMountFields,
  EnvVarSource: envSourceFields,
  EnvFromSource: envFromFields,
  ContainerPort: portFields,
  ResourceRequirements: resourceFields,
  PodSecurityContext: podSecurityFields,
  SecurityContext: securityFields,
  Probe: probeFields,
  Lifecycle: lifecycleFields,
  LifecycleHandler: lifecycleHandlerFields,
};
