// What an API server or the kubelet refuses, one row per rule: a change to a good Pod, and the problems it makes.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isCriError } from "../../../src/index.js";
import {
  type Container,
  checkPod,
  defaultPod,
  type Pod,
  type PodSpec,
  parseManifests,
  type ValidatePodOptions,
  validatePod,
} from "../../../src/kubernetes.js";

type Row = readonly [name: string, change: Partial<PodSpec>, ...problems: string[]];
type ContainerRow = readonly [name: string, change: Partial<Container>, ...problems: string[]];

const good: Container = { name: "web", image: "nginx", ports: [{ name: "http", containerPort: 80 }] };
const podOf = (spec: Partial<PodSpec>, metadata: Pod["metadata"] = { name: "web" }): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata,
  spec: { containers: [good], ...spec },
});
const problemsOf = (pod: Pod, options?: ValidatePodOptions) =>
  validatePod(pod, options).map(({ path, message }) => `${path}: ${message}`);

/** Every object and plug-in is given, so that only the rules of the row refuse. */
const everything: ValidatePodOptions = {
  inputs: { configMaps: [], secrets: [], runtimeClasses: {} },
  volumePlugins: { persistentVolumeClaim: async () => () => {} },
};

function specRows(rows: readonly Row[]) {
  for (const [name, change, ...expected] of rows)
    test(name, () => assert.deepEqual(problemsOf(podOf(change), everything), expected));
}

function containerRows(rows: readonly ContainerRow[], spec: Partial<PodSpec> = {}) {
  for (const [name, change, ...expected] of rows)
    test(name, () => {
      const pod = podOf({ ...spec, containers: [{ ...good, ...change }] });
      assert.deepEqual(
        problemsOf(pod, everything),
        expected.map((problem) => `spec.containers[0].${problem}`),
      );
    });
}

const label = 'must consist of lower-case letters, digits and "-", and start and end with a letter or digit';
const subdomain = `${label}, or be several such parts separated by dots`;

describe("metadata", () => {
  for (const [name, metadata, ...expected] of [
    ["no name", {}, "metadata.name: Required value: name or generateName is required"],
    ["a name that is none", { name: "Web_0" }, `metadata.name: Invalid value: "Web_0": ${subdomain}`],
    [
      "a namespace with a dot",
      { name: "a", namespace: "a.b" },
      `metadata.namespace: Invalid value: "a.b": ${label}`,
    ],
    ["generateName", { generateName: "web-" }],
    [
      "a uid with _",
      { name: "a", uid: "a_b" },
      'metadata.uid: Invalid value: "a_b": must consist of letters, digits, "-" and ".", and start and end with a letter or digit',
    ],
    [
      "a label",
      { name: "a", labels: { "a/b/c": "-" } },
      'metadata.labels: Invalid value: "a/b/c": a key must consist of letters, digits, "-", "_" and ".", and start and end with a letter or digit',
      'metadata.labels[a/b/c]: Invalid value: "-": must consist of letters, digits, "-", "_" and ".", and start and end with a letter or digit',
    ],
    [
      "annotations of 256 KiB",
      { name: "a", annotations: { a: "x".repeat(262_144) } },
      "metadata.annotations: Too long: may not be more than 262144 bytes",
    ],
    [
      "an AppArmor profile of no container",
      { name: "a", annotations: { "container.apparmor.security.beta.kubernetes.io/x": "localhost" } },
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/x]: Invalid value: "x": must end with the name of a container',
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/x]: Invalid value: "localhost": must be "runtime/default", "unconfined" or "localhost/NAME"',
    ],
  ] as const satisfies readonly (readonly [string, Pod["metadata"], ...string[]])[])
    test(name, () => assert.deepEqual(problemsOf(podOf({}, metadata)), expected));
});

describe("the spec", () => {
  specRows([
    ["a good Pod", {}],
    ["no containers", { containers: [] }, "spec.containers: Required value"],
    [
      "a restart policy",
      { restartPolicy: "Allways" },
      'spec.restartPolicy: Unsupported value: "Allways": supported values: "Always", "OnFailure", "Never" (did you mean "Always"?)',
    ],
    [
      "a negative grace period",
      { terminationGracePeriodSeconds: -1 },
      "spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0",
    ],
    [
      "a deadline of 0",
      { activeDeadlineSeconds: 0 },
      "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
    ],
    [
      "Windows",
      { os: { name: "windows" } },
      'spec.os.name: Unsupported value: "windows": supported values: "linux"',
    ],
    [
      "a DNS policy",
      { dnsPolicy: "ClusterLast" },
      'spec.dnsPolicy: Unsupported value: "ClusterLast": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None" (did you mean "ClusterFirst"?)',
    ],
    [
      "no nameservers",
      { dnsPolicy: "None" },
      "spec.dnsConfig: Required value: a Pod with dnsPolicy None needs at least one nameserver",
    ],
    [
      "nameservers",
      { dnsConfig: { nameservers: ["1.1.1.1", "2.2.2.2", "3.3.3.3", "dns.example"] } },
      "spec.dnsConfig.nameservers: Too many: 4: must have at most 3 items",
      'spec.dnsConfig.nameservers[3]: Invalid value: "dns.example": must be an IP address, such as 10.9.8.7 or 2001:db8::ffff',
    ],
    [
      "search domains",
      { dnsConfig: { searches: [".", "a.b.", "_tcp.a", "A b"], options: [{ value: "5" }] } },
      `spec.dnsConfig.searches[3]: Invalid value: "A b": ${subdomain}`,
      "spec.dnsConfig.options[0].name: Required value",
    ],
    [
      "33 search domains",
      { dnsConfig: { searches: Array(33).fill("a.b") } },
      "spec.dnsConfig.searches: Too many: 33: must have at most 32 items",
    ],
    [
      "hostnames",
      { hostname: "a.b", subdomain: "A" },
      `spec.hostname: Invalid value: "a.b": ${label}`,
      `spec.subdomain: Invalid value: "A": ${label}`,
    ],
    [
      "hostnameOverride",
      {
        hostnameOverride: "a.b",
        setHostnameAsFQDN: true,
        hostNetwork: true,
        containers: [{ name: "a", image: "b" }],
      },
      "spec.hostnameOverride: Forbidden: must not be set together with setHostnameAsFQDN: true",
      "spec.hostnameOverride: Forbidden: must not be set together with hostNetwork: true",
    ],
    [
      "host aliases",
      { hostAliases: [{ ip: "1.2.3.4", hostnames: ["a.b"] }, { ip: "x", hostnames: ["_"] }, {}] },
      'spec.hostAliases[1].ip: Invalid value: "x": must be an IP address, such as 10.9.8.7 or 2001:db8::ffff',
      `spec.hostAliases[1].hostnames[0]: Invalid value: "_": ${subdomain}`,
      'spec.hostAliases[2].ip: Invalid value: "": must be an IP address, such as 10.9.8.7 or 2001:db8::ffff',
    ],
    [
      "a shared and a host PID namespace",
      { shareProcessNamespace: true, hostPID: true },
      "spec.shareProcessNamespace: Invalid value: true: must not be true together with hostPID",
    ],
    [
      "a user namespace and those of the host",
      { hostUsers: false, hostPID: true, hostIPC: true },
      "spec.hostPID: Forbidden: must not be true when hostUsers is false",
      "spec.hostIPC: Forbidden: must not be true when hostUsers is false",
    ],
    [
      "tolerations",
      {
        tolerations: [
          { operator: "Exists" },
          { key: "a", operator: "Exists", value: "b", effect: "No" },
          { tolerationSeconds: 5 },
        ],
      },
      'spec.tolerations[1].operator: Invalid value: "Exists": must not be Exists when there is a value',
      'spec.tolerations[1].effect: Unsupported value: "No": supported values: "", "NoSchedule", "PreferNoSchedule", "NoExecute"',
      'spec.tolerations[2].operator: Invalid value: "": must be Exists when the key is empty',
      'spec.tolerations[2].effect: Invalid value: "": must be NoExecute when tolerationSeconds is set',
    ],
    [
      "overhead",
      { overhead: { cpu: "-1", "example.com/x": "1" } },
      'spec.overhead[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.overhead[example.com/x]: Invalid value: "example.com/x": must be a standard resource, such as cpu and memory',
    ],
    [
      "pull secrets",
      { imagePullSecrets: [{}, { name: "A" }] },
      "spec.imagePullSecrets[0].name: Required value",
      `spec.imagePullSecrets[1].name: Invalid value: "A": ${subdomain}`,
    ],
    [
      "names of objects",
      { priorityClassName: "A", runtimeClassName: "b/c" },
      `spec.priorityClassName: Invalid value: "A": ${subdomain}`,
      `spec.runtimeClassName: Invalid value: "b/c": ${subdomain}`,
    ],
    [
      "a preemption policy",
      { preemptionPolicy: "Sometimes" },
      'spec.preemptionPolicy: Unsupported value: "Sometimes": supported values: "PreemptLowerPriority", "Never"',
    ],
  ]);
});

describe("containers", () => {
  containerRows([
    ["no image", { image: "" }, "image: Required value"],
    [
      "an image with a space",
      { image: " nginx" },
      'image: Invalid value: " nginx": must not have leading or trailing whitespace',
    ],
    ["an image in upper case, which waits with InvalidImageName", { image: "a/B" }],
    ["a name", { name: "a.b" }, `name: Invalid value: "a.b": ${label}`],
    [
      "words",
      { imagePullPolicy: "always", terminationMessagePolicy: "Log", restartPolicy: "Maybe" },
      'imagePullPolicy: Unsupported value: "always": supported values: "Always", "IfNotPresent", "Never" (did you mean "Always"?)',
      'terminationMessagePolicy: Unsupported value: "Log": supported values: "File", "FallbackToLogsOnError"',
      'restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
    ],
    [
      "restart rules",
      {
        restartPolicyRules: [
          { action: "Restart", exitCodes: { operator: "In", values: [1] } },
          { action: "Go" },
          { action: "Restart", exitCodes: { operator: "Is" } },
        ],
      },
      "restartPolicy: Required value: restartPolicyRules need a restartPolicy",
      'restartPolicyRules[1].action: Unsupported value: "Go": supported values: "Restart", "RestartAllContainers"',
      "restartPolicyRules[1].exitCodes: Required value",
      'restartPolicyRules[2].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
    ],
    [
      "ports",
      {
        ports: [
          { containerPort: 0 },
          { containerPort: 70_000, hostPort: -1, hostIP: "x", protocol: "tcp", name: "Http" },
        ],
      },
      "ports[0].containerPort: Required value",
      'ports[1].name: Invalid value: "Http": must consist of lower-case letters, digits and "-"',
      "ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
      "ports[1].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive",
      'ports[1].hostIP: Invalid value: "x": must be an IP address, such as 10.9.8.7 or 2001:db8::ffff',
      'ports[1].protocol: Unsupported value: "tcp": supported values: "TCP", "UDP", "SCTP" (did you mean "TCP"?)',
    ],
    [
      "names of ports",
      {
        ports: [
          { containerPort: 1, name: "a" },
          { containerPort: 2, name: "a" },
          { containerPort: 3, name: "1-2" },
          { containerPort: 4, name: "a--b" },
          { containerPort: 5, name: "a".repeat(16) },
        ],
      },
      'ports[1].name: Duplicate value: "a"',
      'ports[2].name: Invalid value: "1-2": must contain at least one letter',
      'ports[3].name: Invalid value: "a--b": must not contain "--"',
      `ports[4].name: Invalid value: "${"a".repeat(16)}": must have at most 15 characters`,
    ],
    [
      "a port of the host twice",
      {
        ports: [
          { containerPort: 1, hostPort: 80 },
          { containerPort: 2, hostPort: 80 },
          { containerPort: 3, hostPort: 80, protocol: "UDP" },
        ],
      },
      'ports[1].hostPort: Duplicate value: "TCP//80"',
    ],
    [
      "variables",
      {
        env: [
          { name: "" },
          { name: "A=B" },
          { name: "with.dots-and spaces" },
          { name: "A", valueFrom: {} },
          { name: "B", value: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        ],
      },
      "env[0].name: Required value",
      'env[1].name: Invalid value: "A=B": must consist of printable ASCII characters other than "="',
      'env[3].valueFrom: Invalid value: "": must specify one of fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef',
      'env[4].valueFrom: Invalid value: "": must not be specified when value is not empty',
    ],
    [
      "two sources",
      {
        env: [
          {
            name: "A",
            valueFrom: { fieldRef: { fieldPath: "metadata.name" }, configMapKeyRef: { name: "a", key: "b" } },
          },
        ],
      },
      'env[0].valueFrom: Invalid value: "": must not have more than one of fieldRef, configMapKeyRef',
    ],
    [
      "fields",
      {
        env: ["metadata.name", "status.podIPs", "metadata.labels['a.b/c']", "metadata.annotations['x']"].map(
          (fieldPath) => ({ name: "A", valueFrom: { fieldRef: { fieldPath } } }),
        ),
      },
    ],
    [
      "fields that are none",
      {
        env: ["metadata.labels", "metadata.labels['a b']"].map((fieldPath) => ({
          name: "A",
          valueFrom: { fieldRef: { fieldPath } },
        })),
      },
      `env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs", "metadata.labels['KEY']", "metadata.annotations['KEY']" (did you mean "metadata.name"?)`,
      `env[1].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.labels['a b']": the key must consist of letters, digits, "-", "_" and ".", and start and end with a letter or digit`,
    ],
    [
      "resources as variables",
      {
        env: [
          { name: "A", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
          {
            name: "B",
            valueFrom: {
              resourceFieldRef: { resource: "requests.memory", divisor: "1Mi", containerName: "web" },
            },
          },
          { name: "C", valueFrom: { resourceFieldRef: { resource: "limits.hugepages-2Mi" } } },
          { name: "D", valueFrom: { resourceFieldRef: { resource: "limits.gpu", divisor: 0 } } },
          {
            name: "E",
            valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1Mi", containerName: "x" } },
          },
        ],
      },
      'env[3].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "requests.cpu", "limits.memory", "requests.memory", "limits.ephemeral-storage", "requests.ephemeral-storage", "limits.hugepages-SIZE" (did you mean "limits.cpu"?)',
      'env[4].valueFrom.resourceFieldRef.containerName: Not found: "x"',
      'env[4].valueFrom.resourceFieldRef.divisor: Unsupported value: "1Mi": supported values: "1m", "1"',
    ],
    [
      "keys",
      {
        env: [
          { name: "A", valueFrom: { configMapKeyRef: { key: "a/b" } } },
          { name: "B", valueFrom: { secretKeyRef: { name: "B", key: "" } } },
        ],
        envFrom: [{}, { prefix: "=", configMapRef: { name: "a" } }, { secretRef: {} }],
      },
      "env[0].valueFrom.configMapKeyRef.name: Required value",
      'env[0].valueFrom.configMapKeyRef.key: Invalid value: "a/b": must consist of letters, digits, "-", "_" and "."',
      `env[1].valueFrom.secretKeyRef.name: Invalid value: "B": ${subdomain}`,
      "env[1].valueFrom.secretKeyRef.key: Required value",
      'envFrom[0]: Invalid value: "": must specify one of configMapRef, secretRef',
      'envFrom[1].prefix: Invalid value: "=": must consist of printable ASCII characters other than "="',
      "envFrom[2].secretRef.name: Required value",
    ],
    [
      "probes",
      {
        livenessProbe: {},
        readinessProbe: { exec: {}, grpc: { port: 0 } },
        startupProbe: { tcpSocket: { port: "db" }, periodSeconds: -1, successThreshold: 2 },
      },
      "livenessProbe: Required value: must specify a handler type: one of exec, httpGet, tcpSocket, grpc",
      "readinessProbe.grpc: Forbidden: must not specify more than one of exec, grpc",
      "readinessProbe.exec.command: Required value",
      "readinessProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive",
      'startupProbe.tcpSocket.port: Not found: "db"',
      "startupProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
      "startupProbe.successThreshold: Invalid value: 2: must be 1",
    ],
    [
      "HTTP",
      {
        livenessProbe: {
          httpGet: { port: "http", scheme: "http", httpHeaders: [{ name: "a b", value: "" }] },
        },
      },
      'livenessProbe.httpGet.scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS" (did you mean "HTTP"?)',
      'livenessProbe.httpGet.httpHeaders[0].name: Invalid value: "a b": must consist of letters, digits and "-"',
    ],
    [
      "grace of probes",
      {
        livenessProbe: { tcpSocket: { port: 1 }, terminationGracePeriodSeconds: 0 },
        readinessProbe: { tcpSocket: { port: 1 }, terminationGracePeriodSeconds: 5, successThreshold: 2 },
      },
      "livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
      "readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readiness probes",
    ],
    [
      "hooks",
      { lifecycle: { postStart: {}, preStop: { sleep: { seconds: 31 } }, stopSignal: "SIGNONE" } },
      "lifecycle.postStart: Required value: must specify a handler type: one of exec, httpGet, tcpSocket, sleep",
      "lifecycle.preStop.sleep.seconds: Invalid value: 31: must be between 0 and 30, inclusive",
      'lifecycle.stopSignal: Forbidden: must not be set without spec.os.name: set it to "linux"',
      'lifecycle.stopSignal: Invalid value: "SIGNONE": must be the name of a signal, such as SIGTERM or SIGRTMIN+3',
    ],
    [
      "security",
      {
        securityContext: {
          runAsUser: -1,
          runAsGroup: 2 ** 31,
          procMount: "All",
          seccompProfile: { type: "Localhost" },
          appArmorProfile: { type: "Unconfined", localhostProfile: "x" },
        },
      },
      "securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
      "securityContext.runAsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive",
      "securityContext.seccompProfile.localhostProfile: Required value",
      'securityContext.appArmorProfile.localhostProfile: Invalid value: "x": must be set only for the type Localhost',
      'securityContext.procMount: Unsupported value: "All": supported values: "Default", "Unmasked"',
    ],
    [
      "privileges",
      {
        securityContext: {
          allowPrivilegeEscalation: false,
          privileged: true,
          capabilities: { add: ["CAP_SYS_ADMIN"] },
          procMount: "Unmasked",
        },
      },
      'securityContext.procMount: Invalid value: "Unmasked": requires spec.hostUsers: false',
      "securityContext.allowPrivilegeEscalation: Invalid value: false: must not be false for a privileged container",
      "securityContext.allowPrivilegeEscalation: Invalid value: false: must not be false together with the capability CAP_SYS_ADMIN",
    ],
    [
      "profiles",
      {
        securityContext: {
          seccompProfile: { type: "Localhost", localhostProfile: "../x" },
          appArmorProfile: { type: "Localhost", localhostProfile: " x" },
        },
      },
      'securityContext.seccompProfile.localhostProfile: Invalid value: "../x": must not contain ".."',
      'securityContext.appArmorProfile.localhostProfile: Invalid value: " x": must not start or end with whitespace',
    ],
    [
      "resize policies",
      {
        resizePolicy: [
          { resourceName: "cpu", restartPolicy: "NotRequired" },
          { resourceName: "cpu", restartPolicy: "No" },
        ],
      },
      'resizePolicy[1].restartPolicy: Unsupported value: "No": supported values: "NotRequired", "RestartContainer"',
      'resizePolicy[1]: Duplicate value: "cpu"',
    ],
  ]);

  specRows([
    [
      "names of all kinds are unique",
      {
        initContainers: [{ name: "web", image: "a" }],
        ephemeralContainers: [{ name: "web", image: "a", targetContainerName: "x" }],
      },
      'spec.initContainers[0].name: Duplicate value: "web"',
      'spec.ephemeralContainers[0].name: Duplicate value: "web"',
      'spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
    ],
    [
      "ports of the host of two containers",
      {
        containers: [
          { ...good, ports: [{ containerPort: 1, hostPort: 80 }] },
          { name: "b", image: "b", ports: [{ containerPort: 2, hostPort: 80 }] },
        ],
      },
      'spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"',
    ],
    [
      "ports in the host's network",
      { hostNetwork: true, containers: [{ ...good, ports: [{ containerPort: 80, hostPort: 8080 }] }] },
      "spec.containers[0].ports[0].hostPort: Invalid value: 8080: must match containerPort when hostNetwork is true",
    ],
    [
      "probes and hooks of init containers",
      {
        initContainers: [
          { name: "a", image: "a", readinessProbe: { tcpSocket: { port: 1 } }, lifecycle: {} },
          { name: "b", image: "b", restartPolicy: "Always", readinessProbe: { tcpSocket: { port: 1 } } },
        ],
      },
      "spec.initContainers[0].lifecycle: Forbidden: must not be set for init containers without restartPolicy: Always",
      "spec.initContainers[0].readinessProbe: Forbidden: must not be set for init containers without restartPolicy: Always",
    ],
    [
      "ephemeral containers",
      {
        ephemeralContainers: [
          {
            name: "a",
            image: "a",
            targetContainerName: "web",
            ports: [{ containerPort: 1 }],
            resources: { limits: { cpu: 1 } },
            volumeMounts: [{ name: "v", mountPath: "/v", subPath: "x" }],
          },
        ],
        volumes: [{ name: "v" }],
      },
      "spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for an ephemeral container",
      "spec.ephemeralContainers[0].ports: Forbidden: ephemeral containers do not have it",
      "spec.ephemeralContainers[0].resources: Forbidden: ephemeral containers do not have it",
    ],
  ]);
});

describe("resources", () => {
  containerRows([
    [
      "requests above limits",
      { resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: 1.5, memory: "1024Mi" } } },
      'resources.requests: Invalid value: "1500m": must be less than or equal to the cpu limit of 1',
    ],
    [
      "negative amounts",
      { resources: { requests: { memory: "-1" } } },
      'resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      "a name",
      { resources: { limits: { gpu: 1 } } },
      'resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers: cpu, memory, ephemeral-storage or hugepages-SIZE',
    ],
    ["huge pages", { resources: { limits: { cpu: 1, "hugepages-2Mi": "4Mi" } } }],
    [
      "huge pages alone",
      { resources: { limits: { "hugepages-2Mi": "4Mi" } } },
      "resources: Forbidden: huge pages require cpu or memory",
    ],
    [
      "parts of huge pages",
      { resources: { limits: { cpu: 1, "hugepages-2Mi": "3Mi", "hugepages-x": "1" } } },
      'resources.limits[hugepages-2Mi]: Invalid value: "3Mi": must be a multiple of the size of a page',
      'resources.limits[hugepages-x]: Invalid value: "hugepages-x": must end with the size of a page, such as hugepages-2Mi',
    ],
    [
      "requests of huge pages",
      {
        resources: {
          limits: { cpu: 1, "hugepages-2Mi": "4Mi" },
          requests: { "hugepages-2Mi": "2Mi", "hugepages-1Gi": "1Gi" },
        },
      },
      'resources.requests: Invalid value: "2Mi": must be equal to the hugepages-2Mi limit of 4Mi',
      "resources.limits: Required value: a limit must be set for hugepages-1Gi",
    ],
    [
      "devices",
      { resources: { limits: { "example.com/gpu": 1 } } },
      "resources.limits[example.com/gpu]: Forbidden: no device plug-in provides it: pass extendedResources if you do",
    ],
    [
      "claims",
      { resources: { claims: [{ name: "a" }] } },
      "resources.claims: Forbidden: a driver of dynamic resource allocation prepares claims that an API server allocates",
    ],
  ]);

  test("devices that the caller has", () => {
    const pod = (limit: number | string) =>
      podOf({ containers: [{ ...good, resources: { limits: { "example.com/gpu": limit } } }] });
    assert.deepEqual(problemsOf(pod(2), { extendedResources: ["example.com/gpu"] }), []);
    assert.deepEqual(problemsOf(pod("1500m"), { extendedResources: ["example.com/gpu"] }), [
      'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "1500m": must be an integer',
    ]);
  });

  const container = (resources: Container["resources"]): Container => ({
    ...good,
    ...(resources && { resources }),
  });
  specRows([
    [
      "pod-level resources",
      { resources: { limits: { cpu: 2, memory: "1Gi" } }, containers: [container({ limits: { cpu: 1 } })] },
    ],
    [
      "pod-level names",
      { resources: { limits: { "ephemeral-storage": 1 } } },
      'spec.resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "memory", "hugepages-SIZE"',
    ],
    [
      "less than the containers",
      {
        resources: { limits: { cpu: 1 }, requests: { cpu: "500m" } },
        containers: [container({ limits: { cpu: 2 }, requests: { cpu: 1 } })],
      },
      'spec.resources.requests[cpu]: Invalid value: "500m": must be greater than or equal to the requests of the containers, which are 1',
      'spec.resources.limits[cpu]: Invalid value: "1": must be greater than or equal to that of spec.containers[0], 2',
    ],
  ]);
});

describe("volumes and mounts", () => {
  specRows([
    [
      "names",
      { volumes: [{ name: "" }, { name: "a" }, { name: "a" }, { name: "A" }] },
      "spec.volumes[0].name: Required value",
      'spec.volumes[2].name: Duplicate value: "a"',
      `spec.volumes[3].name: Invalid value: "A": ${label}`,
    ],
    [
      "two sources",
      { volumes: [{ name: "a", emptyDir: {}, hostPath: { path: "/" } }] },
      "spec.volumes[0].hostPath: Forbidden: must not specify more than one type of volume: emptyDir is set, too",
    ],
    [
      "emptyDir",
      { volumes: [{ name: "a", emptyDir: { medium: "HugePages", sizeLimit: "-1" } }] },
      "spec.volumes[0].emptyDir.sizeLimit: Forbidden: must not be less than 0",
      'spec.volumes[0].emptyDir.medium: Unsupported value: "HugePages": supported values: "", "Memory"',
    ],
    [
      "hostPath",
      {
        volumes: [
          { name: "a", hostPath: { path: "/a/../b" } },
          { name: "b", hostPath: { path: "b", type: "Dir" } },
        ],
      },
      'spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain ".."',
      'spec.volumes[1].hostPath.path: Invalid value: "b": must be an absolute path',
      'spec.volumes[1].hostPath.type: Unsupported value: "Dir": supported values: "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"',
    ],
    [
      "files",
      {
        volumes: [
          {
            name: "a",
            configMap: {
              defaultMode: 0o1000,
              items: [
                { key: "", path: "../x" },
                { key: "k", path: "..x", mode: -1 },
              ],
            },
          },
          { name: "b", secret: {} },
        ],
      },
      "spec.volumes[0].configMap.name: Required value",
      "spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive",
      "spec.volumes[0].configMap.items[0].key: Required value",
      'spec.volumes[0].configMap.items[0].path: Invalid value: "../x": must not contain ".."',
      'spec.volumes[0].configMap.items[1].path: Invalid value: "..x": must not start with ".."',
      "spec.volumes[0].configMap.items[1].mode: Invalid value: -1: must be a number between 0 and 0777 (octal), both inclusive",
      "spec.volumes[1].secret.secretName: Required value",
    ],
    [
      "downwardAPI",
      {
        volumes: [
          {
            name: "a",
            downwardAPI: {
              items: [
                { path: "/a", fieldRef: { fieldPath: "status.podIP" } },
                { path: "b", resourceFieldRef: { resource: "limits.cpu" } },
                { path: "c" },
                { path: "d", fieldRef: { fieldPath: "metadata.labels" } },
              ],
            },
          },
        ],
      },
      'spec.volumes[0].downwardAPI.items[0].path: Invalid value: "/a": must be a relative path',
      `spec.volumes[0].downwardAPI.items[0].fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations", "metadata.labels['KEY']", "metadata.annotations['KEY']"`,
      "spec.volumes[0].downwardAPI.items[1].resourceFieldRef.containerName: Required value",
      "spec.volumes[0].downwardAPI.items[2]: Required value: must specify fieldRef or resourceFieldRef",
    ],
    [
      "projected",
      {
        volumes: [
          {
            name: "a",
            projected: {
              sources: [
                {},
                { configMap: { name: "c", items: [{ key: "k", path: "p" }] } },
                { secret: { name: "s", items: [{ key: "k", path: "p" }] } },
                { serviceAccountToken: { path: "t", expirationSeconds: 5 } },
              ],
            },
          },
        ],
      },
      'spec.volumes[0].projected.sources[2].secret.items[0].path: Invalid value: "p": conflicts with a path of another source',
      "spec.volumes[0].projected.sources[3].serviceAccountToken.expirationSeconds: Invalid value: 5: must be between 600 and 4294967296, inclusive",
      "spec.volumes[0].projected.sources[3].serviceAccountToken: Forbidden: only an API server issues tokens",
    ],
    [
      "image and claim",
      {
        volumes: [
          { name: "a", image: { pullPolicy: "No" } },
          { name: "b", persistentVolumeClaim: { claimName: "B" } },
        ],
      },
      "spec.volumes[0].image.reference: Required value",
      'spec.volumes[0].image.pullPolicy: Unsupported value: "No": supported values: "Always", "IfNotPresent", "Never"',
      `spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: "B": ${subdomain}`,
    ],
  ]);

  containerRows(
    [
      [
        "mounts",
        {
          volumeMounts: [
            { name: "v", mountPath: "/a" },
            { name: "x", mountPath: "/a" },
            { name: "v", mountPath: "" },
            { name: "v", mountPath: "/a/../b" },
          ],
        },
        'volumeMounts[1].name: Not found: "x"',
        'volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
        "volumeMounts[2].mountPath: Required value",
        'volumeMounts[3].mountPath: Invalid value: "/a/../b": must not contain ".."',
      ],
      [
        "subPaths",
        {
          volumeMounts: [
            { name: "v", mountPath: "/a", subPath: "a/../../b" },
            { name: "v", mountPath: "/b", subPathExpr: "/x" },
            { name: "v", mountPath: "/c", subPath: "a", subPathExpr: "b" },
          ],
        },
        'volumeMounts[0].subPath: Invalid value: "a/../../b": must not contain ".."',
        'volumeMounts[1].subPathExpr: Invalid value: "/x": must be a relative path',
        'volumeMounts[2].subPathExpr: Invalid value: "b": must not be set together with subPath',
      ],
      [
        "propagation",
        {
          volumeMounts: [
            { name: "v", mountPath: "/a", mountPropagation: "Bidirectional" },
            { name: "v", mountPath: "/b", mountPropagation: "Both" },
          ],
        },
        "volumeMounts[0].mountPropagation: Forbidden: Bidirectional is available only to privileged containers",
        'volumeMounts[1].mountPropagation: Unsupported value: "Both": supported values: "None", "HostToContainer", "Bidirectional"',
      ],
      [
        "recursive read-only mounts",
        {
          volumeMounts: [
            { name: "v", mountPath: "/a", recursiveReadOnly: "Enabled" },
            {
              name: "v",
              mountPath: "/b",
              readOnly: true,
              recursiveReadOnly: "IfPossible",
              mountPropagation: "HostToContainer",
            },
            { name: "v", mountPath: "/c", recursiveReadOnly: "Disabled" },
          ],
        },
        "volumeMounts[0].recursiveReadOnly: Forbidden: must not be set unless readOnly is true",
        "volumeMounts[1].recursiveReadOnly: Forbidden: must not be set together with a mountPropagation other than None",
      ],
      [
        "variables of files",
        {
          env: [
            { name: "A", valueFrom: { fileKeyRef: { volumeName: "v", path: "../f", key: "K" } } },
            { name: "B", valueFrom: { fileKeyRef: { volumeName: "h", path: "f", key: "K" } } },
            { name: "C", valueFrom: { fileKeyRef: { volumeName: "x", path: "f", key: "=" } } },
          ],
        },
        'env[0].valueFrom.fileKeyRef.path: Invalid value: "../f": must not contain ".."',
        'env[1].valueFrom.fileKeyRef.volumeName: Invalid value: "h": must be the name of an emptyDir',
        'env[2].valueFrom.fileKeyRef.key: Invalid value: "=": must consist of printable ASCII characters other than "="',
        'env[2].valueFrom.fileKeyRef.volumeName: Not found: "x"',
      ],
    ],
    { volumes: [{ name: "v" }, { name: "h", hostPath: { path: "/" } }] },
  );
});

describe("the security context of the pod", () => {
  const sysctls = (...names: string[]) => ({ sysctls: names.map((name) => ({ name, value: "1" })) });
  specRows([
    [
      "ids and words",
      {
        securityContext: {
          runAsUser: -1,
          fsGroup: -1,
          supplementalGroups: [1, -1],
          fsGroupChangePolicy: "No",
          supplementalGroupsPolicy: "No",
          seLinuxChangePolicy: "No",
        },
      },
      "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
      "spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
      "spec.securityContext.supplementalGroups[1]: Invalid value: -1: must be between 0 and 2147483647, inclusive",
      'spec.securityContext.fsGroupChangePolicy: Unsupported value: "No": supported values: "Always", "OnRootMismatch"',
      'spec.securityContext.seLinuxChangePolicy: Unsupported value: "No": supported values: "MountOption", "Recursive"',
      'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "No": supported values: "Merge", "Strict"',
    ],
    [
      "safe sysctls",
      {
        securityContext: sysctls(
          "net.ipv4.ip_unprivileged_port_start",
          "kernel.shm_rmid_forced",
          "net/ipv4/tcp_syncookies",
        ),
      },
    ],
    [
      "sysctls",
      {
        securityContext: sysctls(
          "Net.A",
          "net.core.somaxconn",
          "vm.swappiness",
          "net.ipv4.tcp_rmem",
          "net/ipv4/tcp_rmem",
        ),
      },
      'spec.securityContext.sysctls[0].name: Invalid value: "Net.A": must have at most 253 characters and be the name of a kernel parameter, such as net.core.somaxconn',
      "spec.securityContext.sysctls[1].name: Forbidden: net.core.somaxconn may affect other pods: pass it in allowedUnsafeSysctls to allow it",
      "spec.securityContext.sysctls[2].name: Forbidden: vm.swappiness belongs to no namespace of a pod: set it on the node",
      'spec.securityContext.sysctls[4].name: Duplicate value: "net/ipv4/tcp_rmem"',
    ],
    [
      "sysctls of the host",
      {
        hostNetwork: true,
        hostIPC: true,
        containers: [{ name: "a", image: "b" }],
        securityContext: sysctls("net.ipv4.tcp_rmem", "kernel.shm_rmid_forced"),
      },
      'spec.securityContext.sysctls[0].name: Invalid value: "net.ipv4.tcp_rmem": must not be set when hostNetwork is true',
      'spec.securityContext.sysctls[1].name: Invalid value: "kernel.shm_rmid_forced": must not be set when hostIPC is true',
    ],
    [
      "Windows",
      { securityContext: { windowsOptions: {} } },
      "spec.securityContext.windowsOptions: Forbidden: for Windows containers, which this package does not run",
    ],
  ]);

  test("sysctls that the caller allows, by name and by prefix", () => {
    const pod = podOf({ securityContext: sysctls("net.core.somaxconn", "kernel.sem") });
    assert.deepEqual(problemsOf(pod, { allowedUnsafeSysctls: ["net.core.*", "kernel.sem"] }), []);
  });
});

describe("fields that need an API server", () => {
  const pods: readonly (readonly [
    name: string,
    spec: Partial<PodSpec>,
    options: ValidatePodOptions | undefined,
    ...problems: string[],
  ])[] = [
    [
      "ConfigMaps",
      { volumes: [{ name: "a", configMap: { name: "c" } }] },
      { inputs: { configMaps: [] } },
      "spec.volumes[0].configMap: Forbidden: ConfigMaps come from an API server: pass them in inputs.configMaps",
    ],
    [
      "Secrets",
      {
        imagePullSecrets: [{ name: "s" }],
        containers: [{ ...good, envFrom: [{ secretRef: { name: "s" } }] }],
      },
      { inputs: { secrets: [] } },
      "spec.containers[0].envFrom[0].secretRef: Forbidden: Secrets come from an API server: pass them in inputs.secrets",
      "spec.imagePullSecrets: Forbidden: Secrets come from an API server: pass them in inputs.secrets",
    ],
    [
      "RuntimeClasses",
      { runtimeClassName: "gvisor" },
      { inputs: { runtimeClasses: {} } },
      "spec.runtimeClassName: Forbidden: RuntimeClasses come from an API server: pass them in inputs.runtimeClasses",
    ],
    [
      "claims",
      { volumes: [{ name: "a", persistentVolumeClaim: { claimName: "c" } }] },
      everything,
      "spec.volumes[0].persistentVolumeClaim: Forbidden: an API server binds claims: pass a plug-in in volumePlugins",
    ],
    [
      "tokens",
      { serviceAccountName: "robot", automountServiceAccountToken: true },
      undefined,
      "spec.serviceAccountName: Forbidden: only an API server issues tokens: set automountServiceAccountToken: false to run without one",
      "spec.automountServiceAccountToken: Forbidden: only an API server issues tokens: set automountServiceAccountToken: false to run without one",
    ],
    [
      "gates",
      { readinessGates: [{ conditionType: "a/b" }], schedulingGates: [{ name: "a" }] },
      undefined,
      "spec.readinessGates: Forbidden: other programs set the conditions of the Pod there; it would never be ready",
      "spec.schedulingGates: Forbidden: a Pod with gates waits until a controller removes them: remove them",
    ],
    [
      "block devices",
      { containers: [{ ...good, volumeDevices: [{ name: "a", devicePath: "/dev/x" }] }] },
      undefined,
      "spec.containers[0].volumeDevices: Forbidden: block devices come from PersistentVolumeClaims, for which an API server is needed",
    ],
  ];
  for (const [name, spec, options, ...problems] of pods)
    test(name, () => {
      assert.deepEqual(problemsOf(podOf(spec)), problems);
      if (options) assert.deepEqual(problemsOf(podOf(spec), options), []);
    });

  test("what asks for nothing is accepted", () => {
    const nothing = {
      readinessGates: [],
      imagePullSecrets: [],
      schedulingGates: [],
      runtimeClassName: "",
      serviceAccountName: "default",
    };
    assert.deepEqual(problemsOf(podOf(nothing)), []);
    assert.deepEqual(
      problemsOf(podOf({ serviceAccountName: "robot", automountServiceAccountToken: false })),
      [],
    );
    // Fields for schedulers have no effect on a node.
    assert.deepEqual(
      problemsOf(podOf({ affinity: { nodeAffinity: {} }, nodeSelector: { a: "b" }, schedulerName: "x" })),
      [],
    );
  });
});

describe("validatePod and checkPod", () => {
  test("values of wrong types are the only problems then", () => {
    const pod = {
      metadata: { name: 5 },
      spec: { containers: "x", hostPID: "yes", restartPolicy: "No" },
    } as unknown as Pod;
    assert.deepEqual(problemsOf(pod), [
      "metadata.name: Invalid value: 5: must be a string: put it in quotes",
      'spec.containers: Invalid value: "x": must be a list',
      'spec.hostPID: Invalid value: "yes": must be true or false',
    ]);
    assert.deepEqual(problemsOf(null as unknown as Pod), [": Invalid value: null: must be a map of fields"]);
  });

  test("a Pod of another kind, and one without a spec", () => {
    assert.deepEqual(problemsOf({ apiVersion: "v2", kind: "Pods", metadata: { name: "a" } }), [
      'apiVersion: Unsupported value: "v2": supported values: "v1"',
      'kind: Unsupported value: "Pods": supported values: "Pod" (did you mean "Pod"?)',
      "spec.containers: Required value",
    ]);
  });

  test("problems have kinds, steps and values", () => {
    const [problem] = validatePod(podOf({ containers: [{ ...good, imagePullPolicy: "No" }] }));
    assert.deepEqual(
      [problem?.kind, problem?.steps, problem?.value],
      ["unsupported", ["spec", "containers", 0, "imagePullPolicy"], "No"],
    );
  });

  test("checkPod returns the Pod with its defaults, or throws all problems", () => {
    assert.deepEqual(checkPod(podOf({})), defaultPod(podOf({})));
    try {
      checkPod(podOf({ restartPolicy: "No", dnsPolicy: "No" }));
      assert.fail("it was accepted");
    } catch (error) {
      if (!isCriError(error)) throw error;
      assert.equal(error.reason, "invalid_spec");
      assert.match(
        error.rawMessage,
        /^Pod "web" is not valid: spec\.restartPolicy: Unsupported value: "No".*; spec\.dnsPolicy: /,
      );
      assert.deepEqual(
        error.problems.map(({ path }) => path),
        ["spec.restartPolicy", "spec.dnsPolicy"],
      );
    }
  });

  test("with placeOf, messages have the place in the manifest", () => {
    const [pod] = parseManifests(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n",
      { source: "a.yaml" },
    ).pods;
    assert.ok(pod);
    assert.deepEqual(problemsOf(pod.object, { placeOf: pod.placeOf }), [
      "spec.containers[0].image: Required value (a.yaml, line 6, column 5)",
    ]);
  });

  test("options are checked", () => {
    assert.throws(
      () => validatePod(podOf({}), { input: {} } as object),
      /input is not an option \(did you mean inputs\?\)/,
    );
    assert.throws(
      () => validatePod(podOf({}), { inputs: { configMap: [] } } as object),
      /inputs\.configMap is not an option \(did you mean configMaps\?\)/,
    );
    assert.throws(
      () => validatePod(podOf({}), { volumePlugins: { nfs: 5 } } as object),
      /volumePlugins\.nfs must be a function/,
    );
    assert.throws(
      () => checkPod(podOf({}), { extendedResources: [5] } as object),
      /extendedResources\[0\] must be a string/,
    );
  });
});
