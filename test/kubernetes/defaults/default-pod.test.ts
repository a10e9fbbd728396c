// The defaults of core/v1, and what is added for nodes without an API server.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, PodSpec } from "../../../src/kubernetes.js";
import { defaultPod } from "../../../src/kubernetes.js";

const podOf = (spec: Partial<PodSpec>, metadata: Pod["metadata"] = { name: "web" }): Pod => ({
  metadata,
  spec: { containers: [], ...spec },
});
const containerOf = (container: Partial<Container>, spec: Partial<PodSpec> = {}) => {
  const { containers } = defaultPod(podOf({ ...spec, containers: [{ name: "c", ...container }] })).spec;
  return containers[0] ?? assert.fail("no container");
};

test("a Pod with nothing but its name", () => {
  const { uid, ...metadata } = defaultPod(podOf({})).metadata;
  assert.deepEqual(metadata, { name: "web", namespace: "default" });
  assert.match(uid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(defaultPod(podOf({})).spec, {
    containers: [],
    initContainers: [],
    ephemeralContainers: [],
    volumes: [],
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    terminationGracePeriodSeconds: 30,
    enableServiceLinks: true,
    securityContext: {},
  });
});

test("what is set stays, 0 and false too; an empty string is as good as absent", () => {
  const { spec } = defaultPod(
    podOf({
      terminationGracePeriodSeconds: 0,
      enableServiceLinks: false,
      restartPolicy: "",
      dnsPolicy: "None",
    }),
  );
  assert.deepEqual(
    [spec.terminationGracePeriodSeconds, spec.enableServiceLinks, spec.restartPolicy, spec.dnsPolicy],
    [0, false, "Always", "None"],
  );
});

test("a container", () => {
  assert.deepEqual(containerOf({}), {
    name: "c",
    image: "",
    imagePullPolicy: "IfNotPresent",
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    resources: {},
    env: [],
    envFrom: [],
    ports: [],
    volumeMounts: [],
  });
});

test("the pull policy depends on the parsed tag", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  for (const [image, policy] of [
    ["nginx", "Always"],
    ["nginx:latest", "Always"],
    [`nginx:latest@${digest}`, "Always"],
    ["localhost:5000/nginx", "Always"],
    ["nginx:1.27", "IfNotPresent"],
    [`nginx@${digest}`, "IfNotPresent"],
    ["Not An Image", "IfNotPresent"],
  ] as const) {
    assert.equal(containerOf({ image }).imagePullPolicy, policy, image);
    const [volume] = defaultPod(podOf({ volumes: [{ name: "v", image: { reference: image } }] })).spec
      .volumes;
    assert.equal(volume?.image?.pullPolicy, policy, image);
  }
});

test("ports: the protocol, and the host's port in its network", () => {
  const ports = [{ containerPort: 80 }, { containerPort: 53, hostPort: 5353, protocol: "UDP" }];
  assert.deepEqual(containerOf({ ports }).ports, [{ containerPort: 80, protocol: "TCP" }, ports[1]]);
  assert.deepEqual(containerOf({ ports }, { hostNetwork: true }).ports, [
    { containerPort: 80, hostPort: 80, protocol: "TCP" },
    ports[1],
  ]);
  const hostNetwork = defaultPod(
    podOf({
      hostNetwork: true,
      initContainers: [{ name: "i", ports }],
      ephemeralContainers: [{ name: "e", ports }],
    }),
  ).spec;
  assert.equal(hostNetwork.initContainers[0]?.ports[0]?.hostPort, 80);
  assert.equal(hostNetwork.ephemeralContainers[0]?.ports[0]?.hostPort, undefined);
});

test("requests default to limits, but not in ephemeral containers", () => {
  const resources = { limits: { cpu: 1, memory: "1Gi" }, requests: { cpu: "100m" } };
  assert.deepEqual(containerOf({ resources }).resources.requests, { cpu: "100m", memory: "1Gi" });
  const { initContainers, ephemeralContainers } = defaultPod(
    podOf({
      initContainers: [{ name: "i", resources }],
      ephemeralContainers: [{ name: "e", resources, targetContainerName: "c" }],
    }),
  ).spec;
  assert.deepEqual(initContainers[0]?.resources.requests, { cpu: "100m", memory: "1Gi" });
  assert.deepEqual(ephemeralContainers[0]?.resources, resources);
  assert.equal(ephemeralContainers[0]?.targetContainerName, "c");
});

test("pod-level requests: the containers' sum of cpu and memory, otherwise the limit", () => {
  const pod = (resources: PodSpec["resources"]) =>
    defaultPod(
      podOf({
        ...(resources && { resources }),
        containers: [
          { name: "a", resources: { requests: { cpu: "300m" } } },
          { name: "b", resources: { limits: { cpu: 1 } } },
        ],
        initContainers: [
          { name: "side", restartPolicy: "Always", resources: { requests: { cpu: "200m" } } },
          { name: "setup", resources: { requests: { cpu: "1200m" } } },
        ],
      }),
    ).spec.resources;
  // 0.3 + 1 + 0.2 while it runs; 0.2 + 1.2 while it is set up.
  assert.deepEqual(pod({ limits: { cpu: 4, memory: "2Gi" } }), {
    limits: { cpu: 4, memory: "2Gi" },
    requests: { cpu: "1500m", memory: "2Gi" },
  });
  assert.deepEqual(pod({ requests: { memory: "1Gi" } }), { requests: { memory: "1Gi" } });
  assert.deepEqual(pod({}), {});
  assert.equal(pod(undefined), undefined);
  assert.deepEqual(pod({ limits: { cpu: 4 }, requests: { cpu: 2 } })?.requests, { cpu: 2 });
});

test("an init container that needs more than the others decides the pod-level request", () => {
  const { resources } = defaultPod(
    podOf({
      resources: { limits: { cpu: 4 } },
      containers: [{ name: "a", resources: { requests: { cpu: "300m" } } }],
      initContainers: [
        { name: "early", resources: { requests: { cpu: "2100m" } } },
        { name: "side", restartPolicy: "Always", resources: { requests: { cpu: "200m" } } },
        { name: "setup", resources: { requests: { cpu: 2 } } },
      ],
    }),
  ).spec;
  // The early one runs before the sidecar: 2.1; the other one beside it: 2 + 0.2.
  assert.deepEqual(resources?.requests, { cpu: "2200m" });
});

test("pod-level limits of huge pages are those of the containers", () => {
  const { resources } = defaultPod(
    podOf({
      resources: { requests: { cpu: 1 } },
      containers: [{ name: "a", resources: { limits: { "hugepages-2Mi": "4Mi", cpu: 1 } } }],
    }),
  ).spec;
  assert.deepEqual(resources, {
    limits: { "hugepages-2Mi": "4Mi" },
    requests: { "hugepages-2Mi": "4Mi", cpu: 1 },
  });
});

test("probes, hooks and field references", () => {
  const httpGet = { port: 80 };
  const { livenessProbe, lifecycle, env } = containerOf({
    livenessProbe: { httpGet, timeoutSeconds: 0, failureThreshold: 5 },
    lifecycle: {
      preStop: { httpGet: { port: "http", path: "/stop", scheme: "HTTPS" } },
      postStart: { exec: { command: ["x"] } },
    },
    env: [
      { name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "B", value: "b" },
    ],
  });
  assert.deepEqual(livenessProbe, {
    httpGet: { port: 80, path: "/", scheme: "HTTP" },
    initialDelaySeconds: 0,
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 5,
  });
  assert.deepEqual(lifecycle, {
    preStop: { httpGet: { port: "http", path: "/stop", scheme: "HTTPS" } },
    postStart: { exec: { command: ["x"] } },
  });
  assert.deepEqual(env[0]?.valueFrom?.fieldRef, { apiVersion: "v1", fieldPath: "metadata.name" });
});

test("volumes", () => {
  const fieldRef = { fieldPath: "metadata.labels" };
  const { volumes } = defaultPod(
    podOf({
      volumes: [
        { name: "none" },
        { name: "host", hostPath: { path: "/" } },
        { name: "config", configMap: { name: "c" } },
        { name: "secret", secret: { secretName: "s", defaultMode: 0 } },
        { name: "down", downwardAPI: { items: [{ path: "a", fieldRef }] } },
        {
          name: "all",
          projected: {
            sources: [
              { downwardAPI: { items: [{ path: "a", fieldRef }] } },
              { serviceAccountToken: { path: "t" } },
            ],
          },
        },
        { name: "claim", persistentVolumeClaim: { claimName: "c" } },
      ],
    }),
  ).spec;
  const defaultedRef = { apiVersion: "v1", fieldPath: "metadata.labels" };
  assert.deepEqual(volumes, [
    { name: "none", emptyDir: {} },
    { name: "host", hostPath: { path: "/", type: "" } },
    { name: "config", configMap: { name: "c", defaultMode: 0o644 } },
    { name: "secret", secret: { secretName: "s", defaultMode: 0 } },
    { name: "down", downwardAPI: { items: [{ path: "a", fieldRef: defaultedRef }], defaultMode: 0o644 } },
    {
      name: "all",
      projected: {
        sources: [
          { downwardAPI: { items: [{ path: "a", fieldRef: defaultedRef }] } },
          { serviceAccountToken: { path: "t", expirationSeconds: 3600 } },
        ],
        defaultMode: 0o644,
      },
    },
    { name: "claim", persistentVolumeClaim: { claimName: "c" } },
  ]);
});

test("the uid is a hash of what the author wrote", () => {
  const uidOf = (pod: Pod) => defaultPod(pod).metadata.uid;
  const pod = podOf(
    { containers: [{ name: "a", image: "nginx", tty: true }] },
    { name: "web", labels: { a: "1", b: "2" } },
  );
  const uid = uidOf(pod);
  // The order of fields, null, and what servers and defaults add, are no edits.
  const reordered = podOf(
    { containers: [{ tty: true, image: "nginx", name: "a" }] },
    { labels: { b: "2", a: "1" }, name: "web" },
  );
  assert.equal(uidOf(reordered), uid);
  assert.equal(
    uidOf({
      ...pod,
      metadata: { ...pod.metadata, creationTimestamp: new Date(), resourceVersion: "5", generation: 2 },
    }),
    uid,
  );
  assert.equal(uidOf({ ...pod, status: { phase: "Running" } }), uid);
  assert.equal(uidOf({ ...pod, metadata: { ...pod.metadata, namespace: "default" } }), uid);
  // These are.
  const others = [
    podOf({ containers: [{ name: "a", image: "nginx:1" }] }, pod.metadata),
    { ...pod, metadata: { ...pod.metadata, namespace: "prod" } },
    { ...pod, metadata: { ...pod.metadata, labels: { a: "1" } } },
  ];
  assert.equal(new Set([uid, ...others.map(uidOf)]).size, 4);
  assert.equal(uidOf({ ...pod, metadata: { ...pod.metadata, uid: "own" } }), "own");
});

test("generateName: the end is from the hash, so that it is the same each time", () => {
  const pod = podOf({}, { generateName: "web-" });
  const { name } = defaultPod(pod).metadata;
  assert.match(name, /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.equal(defaultPod(pod).metadata.name, name);
  assert.notEqual(defaultPod(podOf({ hostname: "x" }, { generateName: "web-" })).metadata.name, name);
  assert.equal(defaultPod(podOf({}, { generateName: "a".repeat(80) })).metadata.name.length, 63);
  assert.equal(defaultPod(podOf({}, { name: "own", generateName: "web-" })).metadata.name, "own");
});

test("the Pod itself is not changed", () => {
  const freeze = <T>(value: T): T => {
    if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
    return value;
  };
  const pod = freeze(
    podOf({
      volumes: [{ name: "v" }],
      containers: [{ name: "c", ports: [{ containerPort: 1 }], livenessProbe: {} }],
    }),
  );
  assert.doesNotThrow(() => defaultPod(pod));
});

test("fields that are null are left out, those of lists included, and the uid stays the same", () => {
  const container = { name: "c", image: "i" };
  const odd: unknown = {
    metadata: { name: "p", uid: null, labels: { app: "a" } },
    spec: { hostUsers: null, containers: [{ ...container, env: null, lifecycle: { preStop: null } }] },
  };
  // What JSON.parse returns has no type.
  const pod = defaultPod(odd as Pod);
  const plain = { ...container, lifecycle: {} };
  assert.deepEqual(
    pod,
    defaultPod({ metadata: { name: "p", labels: { app: "a" } }, spec: { containers: [plain] } }),
  );
});
