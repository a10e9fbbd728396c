import type {
  ConfigMapEnvSource,
  ConfigMapKeySelector,
  Container,
  ContainerPort,
  ContainerResizePolicy,
  ContainerRestartRule,
  ContainerRestartRuleOnExitCodes,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  EphemeralContainer,
  ExecAction,
  FileKeySelector,
  GRPCAction,
  HTTPGetAction,
  HTTPHeader,
  Lifecycle,
  LifecycleHandler,
  ObjectFieldSelector,
  Probe,
  ResourceClaim,
  ResourceFieldSelector,
  ResourceRequirements,
  SecretEnvSource,
  SecretKeySelector,
  SleepAction,
  TCPSocketAction,
  VolumeDevice,
  VolumeMount,
} from "../api/index.js";
import { securityContext } from "./security-types.js";
import {
  boolean,
  type FieldTypes,
  int32,
  int64,
  listOf,
  mapOf,
  objectOf,
  port,
  quantity,
  required,
  string,
} from "./value-types.js";

export const fieldSelector = objectOf<ObjectFieldSelector>("ObjectFieldSelector", {
  apiVersion: string,
  fieldPath: required(string),
});

export const resourceFieldSelector = objectOf<ResourceFieldSelector>("ResourceFieldSelector", {
  containerName: string,
  divisor: quantity,
  resource: required(string),
});

const envVarSource = objectOf<EnvVarSource>("EnvVarSource", {
  configMapKeyRef: objectOf<ConfigMapKeySelector>("ConfigMapKeySelector", {
    key: required(string),
    name: string,
    optional: boolean,
  }),
  fieldRef: fieldSelector,
  fileKeyRef: objectOf<FileKeySelector>("FileKeySelector", {
    key: required(string),
    optional: boolean,
    path: required(string),
    volumeName: required(string),
  }),
  resourceFieldRef: resourceFieldSelector,
  secretKeyRef: objectOf<SecretKeySelector>("SecretKeySelector", {
    key: required(string),
    name: string,
    optional: boolean,
  }),
});

const envVar = objectOf<EnvVar>("EnvVar", { name: required(string), value: string, valueFrom: envVarSource });

const envFromSource = objectOf<EnvFromSource>("EnvFromSource", {
  configMapRef: objectOf<ConfigMapEnvSource>("ConfigMapEnvSource", { name: string, optional: boolean }),
  prefix: string,
  secretRef: objectOf<SecretEnvSource>("SecretEnvSource", { name: string, optional: boolean }),
});

const execAction = objectOf<ExecAction>("ExecAction", { command: listOf(string) });

const httpGetAction = objectOf<HTTPGetAction>("HTTPGetAction", {
  host: string,
  httpHeaders: listOf(
    objectOf<HTTPHeader>("HTTPHeader", { name: required(string), value: required(string) }),
  ),
  path: string,
  port: required(port),
  scheme: string,
});

const tcpSocketAction = objectOf<TCPSocketAction>("TCPSocketAction", { host: string, port: required(port) });

const lifecycleHandler = objectOf<LifecycleHandler>("LifecycleHandler", {
  exec: execAction,
  httpGet: httpGetAction,
  sleep: objectOf<SleepAction>("SleepAction", { seconds: required(int64) }),
  tcpSocket: tcpSocketAction,
});

const lifecycle = objectOf<Lifecycle>("Lifecycle", {
  postStart: lifecycleHandler,
  preStop: lifecycleHandler,
  stopSignal: string,
});

const probe = objectOf<Probe>("Probe", {
  exec: execAction,
  failureThreshold: int32,
  grpc: objectOf<GRPCAction>("GRPCAction", { port: required(int32), service: string }),
  httpGet: httpGetAction,
  initialDelaySeconds: int32,
  periodSeconds: int32,
  successThreshold: int32,
  tcpSocket: tcpSocketAction,
  terminationGracePeriodSeconds: int64,
  timeoutSeconds: int32,
});

const containerPort = objectOf<ContainerPort>("ContainerPort", {
  containerPort: required(int32),
  hostIP: string,
  hostPort: int32,
  name: string,
  protocol: string,
});

export const resourceRequirements = objectOf<ResourceRequirements>("ResourceRequirements", {
  claims: listOf(objectOf<ResourceClaim>("ResourceClaim", { name: required(string), request: string })),
  limits: mapOf(quantity),
  requests: mapOf(quantity),
});

const restartRule = objectOf<ContainerRestartRule>("ContainerRestartRule", {
  action: required(string),
  exitCodes: objectOf<ContainerRestartRuleOnExitCodes>("ContainerRestartRuleOnExitCodes", {
    operator: required(string),
    values: listOf(int32),
  }),
});

const volumeMount = objectOf<VolumeMount>("VolumeMount", {
  mountPath: required(string),
  mountPropagation: string,
  name: required(string),
  readOnly: boolean,
  recursiveReadOnly: string,
  subPath: string,
  subPathExpr: string,
});

const containerFieldTypes: FieldTypes<Container> = {
  args: listOf(string),
  command: listOf(string),
  env: listOf(envVar),
  envFrom: listOf(envFromSource),
  image: string,
  imagePullPolicy: string,
  lifecycle,
  livenessProbe: probe,
  name: required(string),
  ports: listOf(containerPort),
  readinessProbe: probe,
  resizePolicy: listOf(
    objectOf<ContainerResizePolicy>("ContainerResizePolicy", {
      resourceName: required(string),
      restartPolicy: required(string),
    }),
  ),
  resources: resourceRequirements,
  restartPolicy: string,
  restartPolicyRules: listOf(restartRule),
  securityContext,
  startupProbe: probe,
  stdin: boolean,
  stdinOnce: boolean,
  terminationMessagePath: string,
  terminationMessagePolicy: string,
  tty: boolean,
  volumeDevices: listOf(
    objectOf<VolumeDevice>("VolumeDevice", { devicePath: required(string), name: required(string) }),
  ),
  volumeMounts: listOf(volumeMount),
  workingDir: string,
};

export const container = objectOf<Container>("Container", containerFieldTypes);

export const ephemeralContainer = objectOf<EphemeralContainer>("EphemeralContainer", {
  ...containerFieldTypes,
  targetContainerName: string,
});
