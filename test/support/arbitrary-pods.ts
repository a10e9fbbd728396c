// Arbitrary Pods for fast-check, of all features that the environment has, with the objects that they refer to.
import fc from "fast-check";
import type {
  ConfigMap,
  Container,
  EnvFromSource,
  EnvVar,
  EphemeralContainer,
  Pod,
  PodInputs,
  PodSecurityContext,
  PodSpec,
  ResourceRequirements,
  SELinuxOptions,
  Secret,
  SecurityContext,
  Volume,
  VolumeMount,
} from "../../src/kubernetes/index.js";

/** What Pods may use. */
export interface PodEnvironment {
  readonly image: string;
  /** An existing folder of the node. */
  readonly hostFolder: string;
  /** A profile below the kubelet's folder `seccomp`. */
  readonly seccompProfile: string;
  readonly recursiveReadOnly: boolean;
  readonly imageVolumes: boolean;
  readonly strictGroups: boolean;
  readonly userNamespaces: boolean;
  /** Whether mounts may propagate: for that, those of the node must be shared. */
  readonly propagation: boolean;
  /** Whether AppArmor and SELinux profiles, huge pages, all sysctls and any user may be set: a real machine may lack them. */
  readonly allProfiles: boolean;
}

/** A Pod and the objects that it refers to. */
export interface PodCase {
  readonly pod: Pod;
  readonly inputs: PodInputs;
}

type Absent<T> = { [K in keyof T]: T[K] | undefined };

/** Leaves out fields that are undefined: the types of core/v1 have none. */
function present<T extends object>(fields: Absent<T>): T {
  // A field without undefined has the type that T has for it.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** An object of some fields of a type, each of which may be absent. */
function sparse<T extends object>(
  fields: {
    [K in keyof T]?: fc.Arbitrary<Exclude<T[K], undefined>>;
  },
): fc.Arbitrary<Partial<T>> {
  // Fields without an arbitrary are never generated.
  return fc.record(fields as { [K in keyof T]: fc.Arbitrary<T[K]> }, { requiredKeys: [] }) as fc.Arbitrary<
    Partial<T>
  >;
}

const labels = fc.dictionary(
  fc.constantFrom("app", "example.com/tier", "a.b_c"),
  fc.constantFrom("", "x", "y-1.z"),
  { noNullPrototype: true },
);
const annotations = fc.dictionary(
  fc.constantFrom("note", "example.com/note"),
  fc.string({ unit: "grapheme", maxLength: 20 }),
  { noNullPrototype: true },
);
const id = fc.constantFrom(0, 1, 1000, 65_534);

const amounts = fc
  .record({
    cpu: fc.constantFrom(undefined, "10m", "250m", 1),
    memory: fc.constantFrom(undefined, "64Mi", "0.1Gi", 134_217_728),
    // Factors of the limit for the request; 0 for none.
    less: fc.constantFrom(0, 0.5, 1),
    huge: fc.boolean(),
  })
  .map(({ cpu, memory, less, huge }): ResourceRequirements => {
    const hugepages = huge && memory !== undefined ? { "hugepages-2Mi": "4Mi" } : {};
    const limits = { ...present({ cpu, memory }), ...hugepages };
    const requests = less === 0.5 ? { cpu: "5m", memory: "32Mi", ...hugepages } : {};
    return less === 0 && Object.keys(limits).length === 0
      ? {}
      : { limits, ...(Object.keys(requests).length > 0 ? { requests } : {}) };
  });

function resourcesIn({ allProfiles }: PodEnvironment): fc.Arbitrary<ResourceRequirements> {
  return amounts.map(({ limits = {}, requests = {} }) => {
    if (allProfiles) return { limits, requests };
    const { "hugepages-2Mi": _, ...rest } = limits as Record<string, string | number>;
    const { "hugepages-2Mi": __, ...asked } = requests as Record<string, string | number>;
    return { limits: rest, requests: asked };
  });
}

function profiles({ seccompProfile, allProfiles }: PodEnvironment) {
  const plain = ["RuntimeDefault", "Unconfined"].map((type) => ({ type }));
  return {
    runAsUser: id,
    runAsGroup: id,
    runAsNonRoot: fc.boolean(),
    seccompProfile: fc.constantFrom<{ type: string; localhostProfile?: string }[]>(...plain, {
      type: "Localhost",
      localhostProfile: seccompProfile,
    }),
    appArmorProfile: allProfiles
      ? fc.constantFrom<{ type: string; localhostProfile?: string }[]>(...plain, {
          type: "Localhost",
          localhostProfile: "mine",
        })
      : fc.constant({ type: "Unconfined" }),
    ...(allProfiles && {
      seLinuxOptions: fc.constantFrom<SELinuxOptions[]>(
        { level: "s0:c1,c2" },
        { user: "u", role: "r", type: "t" },
      ),
    }),
  };
}

function containerSecurity(environment: PodEnvironment, hostUsers: boolean): fc.Arbitrary<SecurityContext> {
  const names = fc.uniqueArray(fc.constantFrom("NET_ADMIN", "SYS_TIME", "CHOWN", "ALL"), { maxLength: 3 });
  return sparse<SecurityContext>({
    ...profiles(environment),
    allowPrivilegeEscalation: fc.boolean(),
    capabilities: sparse({ add: names, drop: names }),
    privileged: fc.boolean(),
    procMount: hostUsers ? fc.constant("Default") : fc.constantFrom("Default", "Unmasked"),
    readOnlyRootFilesystem: fc.boolean(),
  }).map((context) => {
    const { allowPrivilegeEscalation, ...rest } = context;
    const addsAdmin = rest.capabilities?.add?.some((name) => name === "SYS_ADMIN");
    const mustEscalate = rest.privileged === true || addsAdmin === true;
    return mustEscalate || allowPrivilegeEscalation === undefined
      ? rest
      : { ...rest, allowPrivilegeEscalation };
  });
}

function podSecurity(environment: PodEnvironment, host: HostParts): fc.Arbitrary<PodSecurityContext> {
  const sysctls = [
    ...(host.hostNetwork ? [] : [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }]),
    ...(host.hostIPC ? [] : [{ name: "kernel.shm_rmid_forced", value: "1" }]),
  ];
  return sparse<PodSecurityContext>({
    ...profiles(environment),
    fsGroup: id,
    fsGroupChangePolicy: fc.constantFrom("Always", "OnRootMismatch"),
    supplementalGroups: fc.uniqueArray(id, { maxLength: 3 }),
    supplementalGroupsPolicy: environment.strictGroups
      ? fc.constantFrom("Merge", "Strict")
      : fc.constant("Merge"),
    sysctls: fc.subarray(sysctls),
  });
}

/** Which namespaces of the host a Pod has. */
interface HostParts {
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly hostUsers?: boolean;
  readonly shareProcessNamespace?: boolean;
}

function hostParts({ userNamespaces }: PodEnvironment): fc.Arbitrary<HostParts> {
  const host = sparse<HostParts>({
    hostNetwork: fc.boolean(),
    hostPID: fc.boolean(),
    hostIPC: fc.boolean(),
    hostUsers: fc.constant(true),
    shareProcessNamespace: fc.boolean(),
  }).map((one) =>
    one.hostPID && one.shareProcessNamespace ? { ...one, shareProcessNamespace: false } : one,
  );
  const own = sparse<HostParts>({
    hostNetwork: fc.constant(false),
    hostPID: fc.constant(false),
    hostIPC: fc.constant(false),
    hostUsers: fc.constant(false),
    shareProcessNamespace: fc.boolean(),
  });
  return userNamespaces ? fc.oneof(host, own) : host;
}

const configMap: ConfigMap = {
  metadata: { name: "settings" },
  data: { COLOR: "blue", "app.conf": "a=1\n" },
  binaryData: { raw: "AP8=" },
};
const secret: Secret = {
  metadata: { name: "keys" },
  data: { TOKEN: "c2VjcmV0" },
  stringData: { key: "value" },
};

const fieldRef = fc.constantFrom(
  "metadata.name",
  "metadata.uid",
  "metadata.labels['app']",
  "spec.nodeName",
  "status.podIP",
  "status.hostIPs",
);
const resourceFieldRef = fc.constantFrom(
  { resource: "limits.cpu", divisor: "1m" },
  { resource: "requests.memory" },
  { resource: "limits.ephemeral-storage" },
);
const variable: fc.Arbitrary<EnvVar> = fc.oneof(
  fc.record({
    name: fc.constantFrom("A", "B", "PATH_X"),
    value: fc.constantFrom("", "plain", "$(A)/$(B)/$(NONE)", "$$(A)", "ä"),
  }),
  fc.record({
    name: fc.constant("FIELD"),
    valueFrom: fieldRef.map((fieldPath) => ({ fieldRef: { fieldPath } })),
  }),
  fc.record({
    name: fc.constant("AMOUNT"),
    valueFrom: resourceFieldRef.map((one) => ({ resourceFieldRef: one })),
  }),
  fc.constantFrom<EnvVar[]>(
    { name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "COLOR" } } },
    { name: "TOKEN", valueFrom: { secretKeyRef: { name: "keys", key: "TOKEN" } } },
    { name: "NO", valueFrom: { secretKeyRef: { name: "none", key: "x", optional: true } } },
  ),
);
const envFrom = fc.constantFrom<EnvFromSource[]>(
  { configMapRef: { name: "settings" }, prefix: "C_" },
  { secretRef: { name: "keys" } },
  { configMapRef: { name: "none", optional: true } },
);

function volumesIn({ hostFolder, imageVolumes, image }: PodEnvironment): readonly Volume[] {
  return [
    { name: "work", emptyDir: {} },
    { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "8Mi" } },
    { name: "host", hostPath: { path: hostFolder, type: "Directory" } },
    { name: "made", hostPath: { path: `${hostFolder}/made`, type: "DirectoryOrCreate" } },
    {
      name: "conf",
      configMap: { name: "settings", items: [{ key: "app.conf", path: "etc/app.conf", mode: 0o600 }] },
    },
    { name: "secret", secret: { secretName: "keys", defaultMode: 0o400 } },
    {
      name: "fields",
      downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] },
    },
    {
      name: "all",
      projected: { sources: [{ configMap: { name: "settings" } }, { secret: { name: "keys" } }] },
    },
    ...(imageVolumes ? [{ name: "image", image: { reference: image, pullPolicy: "IfNotPresent" } }] : []),
  ];
}

function mountIn(environment: PodEnvironment, privileged: boolean): fc.Arbitrary<VolumeMount> {
  const names = volumesIn(environment).map(({ name }) => name);
  const shared = ["HostToContainer", ...(privileged ? ["Bidirectional"] : [])];
  const modes = ["None", ...(environment.propagation ? shared : [])];
  return fc
    .record({
      name: fc.constantFrom(...names),
      mountPath: fc.constantFrom("/data", "/mnt/a b", "/mnt/ä", "/etc/config", "/work/x"),
      readOnly: fc.boolean(),
      part: fc.constantFrom(undefined, { subPath: "a/b" }, { subPathExpr: "$(SUB)/x" }),
      mountPropagation: fc.constantFrom(undefined, ...modes),
      recursiveReadOnly: fc.constantFrom(
        undefined,
        "IfPossible",
        ...(environment.recursiveReadOnly ? ["Enabled"] : []),
      ),
    })
    .map(({ part, mountPropagation, recursiveReadOnly, ...mount }) => {
      const isImage = mount.name === "image";
      // Only writable volumes have missing parts made in them.
      const canHaveParts = ["work", "memory", "host"].includes(mount.name);
      const isRecursive = recursiveReadOnly !== undefined && mount.readOnly && !isImage;
      return present<VolumeMount>({
        ...mount,
        subPath: canHaveParts && part ? part.subPath : undefined,
        subPathExpr: canHaveParts && part ? part.subPathExpr : undefined,
        mountPropagation: isRecursive || isImage ? undefined : mountPropagation,
        recursiveReadOnly: isRecursive ? recursiveReadOnly : undefined,
      });
    });
}

function containerIn(environment: PodEnvironment, hostUsers: boolean): fc.Arbitrary<Omit<Container, "name">> {
  return containerSecurity(environment, hostUsers).chain((securityContext) =>
    sparse<Omit<Container, "name">>({
      args: fc.constantFrom(["$(A)"], ["x", ""]),
      env: fc.array(variable, { maxLength: 4 }),
      envFrom: fc.array(envFrom, { maxLength: 2 }),
      imagePullPolicy: fc.constantFrom("Always", "IfNotPresent"),
      lifecycle: fc.constantFrom(
        { preStop: { exec: { command: ["true"] } } },
        { preStop: { sleep: { seconds: 1 } } },
      ),
      resources: resourcesIn(environment),
      stdin: fc.boolean(),
      terminationMessagePath: fc.constantFrom("/dev/termination-log", "/tmp/end"),
      terminationMessagePolicy: fc.constantFrom("File", "FallbackToLogsOnError"),
      tty: fc.boolean(),
      volumeMounts: fc.uniqueArray(mountIn(environment, securityContext.privileged === true), {
        maxLength: 3,
        selector: ({ mountPath }) => mountPath,
      }),
      workingDir: fc.constantFrom("/", "/tmp"),
    }).map((one) => ({
      ...one,
      securityContext,
      image: environment.image,
      command: ["sh", "-c", "sleep 600"],
      env: [{ name: "SUB", value: "sub" }, ...(one.env ?? [])],
    })),
  );
}

const ports = fc.uniqueArray(
  fc.record({
    containerPort: fc.integer({ min: 1, max: 65_535 }),
    protocol: fc.constantFrom("TCP", "UDP"),
  }),
  { maxLength: 3, selector: ({ containerPort }) => containerPort },
);

const dns: fc.Arbitrary<Pick<PodSpec, "dnsPolicy" | "dnsConfig">> = fc.oneof(
  sparse<Pick<PodSpec, "dnsPolicy">>({
    dnsPolicy: fc.constantFrom("ClusterFirst", "Default", "ClusterFirstWithHostNet"),
  }),
  fc.record({
    dnsPolicy: fc.constantFrom("None", "Default"),
    dnsConfig: fc.constantFrom(
      { nameservers: ["192.0.2.1"], searches: ["a.b", "c_d.example"] },
      {
        nameservers: ["192.0.2.1", "2001:db8::1"],
        options: [{ name: "ndots", value: "2" }, { name: "rotate" }],
      },
    ),
  }),
);

const hostnames: fc.Arbitrary<Pick<PodSpec, "hostname" | "subdomain" | "setHostnameAsFQDN">> =
  fc.constantFrom<Pick<PodSpec, "hostname" | "subdomain" | "setHostnameAsFQDN">[]>(
    {},
    { hostname: "h" },
    { subdomain: "web" },
    { hostname: "h", subdomain: "web", setHostnameAsFQDN: true },
  );

/** Returns an arbitrary Pod that is valid, and the objects that it refers to. `index` makes its name unique. */
export function arbitraryPod(environment: PodEnvironment, index = 0): fc.Arbitrary<PodCase> {
  return hostParts(environment).chain((host) =>
    fc
      .record({
        labels,
        annotations,
        names: host.hostNetwork ? fc.constant({}) : hostnames,
        dns,
        ports: host.hostNetwork ? fc.constant([]) : ports,
        securityContext: fc.option(podSecurity(environment, host), { nil: undefined }),
        resources: fc.option(fc.constant({ limits: { cpu: 8, memory: "1Gi" } }), { nil: undefined, freq: 3 }),
        overhead: fc.option(fc.constant({ cpu: "10m", memory: "1Mi" }), { nil: undefined, freq: 3 }),
        hostAliases: fc.option(fc.constant([{ ip: "192.0.2.7", hostnames: ["a", "b.c"] }]), {
          nil: undefined,
        }),
        containers: fc.array(containerIn(environment, host.hostUsers !== false), {
          minLength: 1,
          maxLength: 2,
        }),
        initContainers: fc.array(fc.tuple(containerIn(environment, host.hostUsers !== false), fc.boolean()), {
          maxLength: 2,
        }),
        debug: fc.option(containerIn(environment, host.hostUsers !== false), { nil: undefined, freq: 2 }),
      })
      .map((one) => podCase(environment, host, one, index)),
  );
}

interface Parts {
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly names: Pick<PodSpec, "hostname" | "subdomain" | "setHostnameAsFQDN">;
  readonly dns: Pick<PodSpec, "dnsPolicy" | "dnsConfig">;
  readonly ports: readonly { containerPort: number; protocol: string }[];
  readonly securityContext: PodSecurityContext | undefined;
  readonly resources: ResourceRequirements | undefined;
  readonly overhead: Record<string, string> | undefined;
  readonly hostAliases: PodSpec["hostAliases"] | undefined;
  readonly containers: readonly Omit<Container, "name">[];
  readonly initContainers: readonly (readonly [Omit<Container, "name">, boolean])[];
  readonly debug: Omit<Container, "name"> | undefined;
}

function podCase(environment: PodEnvironment, host: HostParts, parts: Parts, index: number): PodCase {
  const { names, dns, ports, securityContext, resources, overhead, hostAliases, debug } = parts;
  const spec: PodSpec = present<PodSpec>({
    ...host,
    ...names,
    ...dns,
    securityContext,
    resources,
    overhead,
    hostAliases,
    volumes: volumesIn(environment),
    containers: parts.containers.map((container, nth) => ({
      ...container,
      name: `c${nth}`,
      ...(nth === 0 && ports.length > 0 ? { ports } : {}),
    })),
    initContainers: parts.initContainers.map(([{ lifecycle, ...container }, isSidecar], nth) => ({
      ...container,
      name: `i${nth}`,
      ...(isSidecar && { restartPolicy: "Always", ...(lifecycle && { lifecycle }) }),
    })),
    ephemeralContainers: debug === undefined ? [] : [debugging(debug)],
  });
  return {
    pod: {
      metadata: { name: `pods-${index}`, labels: parts.labels, annotations: parts.annotations },
      spec,
    },
    inputs: {
      configMaps: [configMap],
      secrets: [secret],
      podIPs: ["10.0.0.5"],
      ...(host.hostUsers === false ? { userNamespaceHostId: 65_536 } : {}),
      containers: { c0: { id: "0".repeat(64) } },
    },
  };
}

/** Ephemeral containers have no resources, ports, hooks and subPaths. */
function debugging({
  resources: _,
  lifecycle: __,
  volumeMounts,
  ...container
}: Omit<Container, "name">): EphemeralContainer {
  return {
    ...container,
    name: "debug",
    targetContainerName: "c0",
    ...(volumeMounts && {
      volumeMounts: volumeMounts.map(({ subPath: _, subPathExpr: __, ...mount }) => mount),
    }),
  };
}
