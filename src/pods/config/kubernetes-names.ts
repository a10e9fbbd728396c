// What the fields of a Kubernetes Pod are called in specs. An error about an unknown field shows it.

/** From a field of Kubernetes to the end of a sentence about it. */
export type KubernetesNames = Readonly<Record<string, string>>;

const called = (name: string) => `here it is called ${name}`;
const ofThePod = (name: string) => `here it is a field of the pod's spec: ${name}`;
const none = (instead: string) => `CRI has no such field: ${instead}`;

const manifest: KubernetesNames = {
  apiVersion: none("a spec is not a manifest, so omit it"),
  kind: none("a spec is not a manifest, so omit it"),
  metadata: "here name, namespace, uid, labels and annotations are fields of the spec itself",
  spec: "here its fields are fields of the spec itself",
  status: none("read it by status() of the pod's handle"),
};

const user: KubernetesNames = {
  runAsUser: called("user"),
  runAsUserName: called("user"),
  runAsGroup: called("group"),
  runAsNonRoot: none("set user to an id other than 0"),
  fsGroup: none("add the group to supplementalGroups, and change the owner of the mounted files"),
  fsGroupChangePolicy: none("change the owner of the mounted files"),
  seccompProfile: called('seccomp: "RuntimeDefault", "Unconfined" or { localhost }'),
  appArmorProfile: called('apparmor: "RuntimeDefault", "Unconfined" or { localhost }'),
  seLinuxOptions: called("selinux"),
  readonlyRootFilesystem: called("readOnlyRootFilesystem"),
  windowsOptions: called("windows.securityContext, a field of the spec itself"),
};

const createdByHandle = "here containers are created by pod.runContainer(spec)";
const probe = none("run the check yourself, as by container.runCommand()");

/** The names by the object that they are in. */
export const kubernetesNames = {
  pod: {
    ...manifest,
    containers: createdByHandle,
    initContainers: `${createdByHandle}, and container.wait() returns their end`,
    ephemeralContainers: createdByHandle,
    volumes: "here a container's mounts name the path on the host: mounts: [{ hostPath, containerPath }]",
    hostNetwork: called("namespaces: { hostNetwork: true }"),
    hostPID: called('namespaces: { pid: "host" }'),
    shareProcessNamespace: called('namespaces: { pid: "pod" }'),
    hostIPC: called("namespaces: { hostIpc: true }"),
    hostUsers: called("namespaces: { users: { uids: { hostId } } } for a user namespace"),
    runtimeClassName: called("runtimeHandler"),
    dnsConfig: called("dns: { servers, searches, options }"),
    dnsPolicy: none("set dns: { servers, searches, options }"),
    subdomain: called("domain, the whole domain"),
    setHostnameAsFQDN: called("domain, the whole domain"),
    hostAliases: none("mount a hosts file at /etc/hosts"),
    securityContext: called("security; its sysctls are a field of the spec itself"),
    restartPolicy: none("repeat pod.ensureContainer(spec), which replaces a container that exited"),
    imagePullSecrets: called("auth, an option of pod.runContainer() and of cri.images"),
    terminationGracePeriodSeconds: called("gracePeriodMs, an option of pod.stop()"),
  },
  container: {
    ...manifest,
    volumeMounts: called("mounts: [{ hostPath, containerPath }]"),
    volumeDevices: called("devices: [{ hostPath, containerPath }]"),
    ports: ofThePod("ports: [{ containerPort, hostPort }]"),
    imagePullPolicy: called("pullPolicy"),
    imagePullSecrets: called("auth, an option of pod.runContainer() and of cri.images"),
    securityContext: called("security"),
    envFrom: 'here every variable is in env: { NAME: "value" }',
    hostNetwork: ofThePod("namespaces: { hostNetwork: true }"),
    hostPID: ofThePod('namespaces: { pid: "host" }'),
    hostIPC: ofThePod("namespaces: { hostIpc: true }"),
    livenessProbe: probe,
    readinessProbe: probe,
    startupProbe: probe,
    lifecycle: none(
      "run the commands by container.runCommand(); its stopSignal is a field of the spec itself",
    ),
    restartPolicy: none("repeat pod.ensureContainer(spec), which replaces a container that exited"),
    terminationMessagePath: none("mount a file and read it"),
    terminationMessagePolicy: none("read the log by container.logs()"),
  },
  mount: {
    name: "here a mount names the path on the host: hostPath",
    mountPath: called("containerPath"),
    mountPropagation: called("propagation"),
    subPathExpr: called("hostPath, the whole path"),
  },
  device: { name: "here a device names the path on the host: hostPath", devicePath: called("containerPath") },
  port: {
    name: none("omit it"),
    hostIP: called("hostIp"),
    port: called("containerPort"),
    targetPort: called("containerPort"),
  },
  dns: { nameservers: called("servers") },
  resources: {
    limits: "here the limits are fields of the resources themselves: { cpu, memory }",
    claims: called("cdiDevices, a field of the container's spec"),
    "hugepages-2Mi": called('hugepages: { "2Mi": amount }, a field of the resources themselves'),
    "hugepages-1Gi": called('hugepages: { "1Gi": amount }, a field of the resources themselves'),
    "ephemeral-storage": none("runtimes do not limit disk space"),
  },
  podSecurity: { ...user, sysctls: "here they are a field of the spec itself: sysctls: { name: value }" },
  containerSecurity: user,
  profile: {
    type: 'here it is the value itself, "RuntimeDefault" or "Unconfined"',
    localhostProfile: called("localhost"),
  },
} as const satisfies Readonly<Record<string, KubernetesNames>>;
