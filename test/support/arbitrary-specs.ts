// Arbitrary specs for fast-check: valid ones, and mutated ones.
import fc from "fast-check";
import type { ContainerSpec, MountSpec, PodSpec, ResourcesSpec } from "../../src/pods/config/index.js";

/** A value or undefined. */
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
/** Words whose first and last characters are from `ends`, and the others also from `inside`. */
const word = (ends: string, inside: string, maxLength: number) =>
  fc
    .tuple(letters(ends, 1, 1), letters(ends + inside, 0, maxLength - 2), letters(ends, 0, 1))
    .map(([first, rest, last]) => (last === "" ? first : first + rest + last));
const letters = (of: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...of), minLength, maxLength });

const lower = "abcxyz0189";
const mixed = `${lower}ABZ`;
export const dnsLabel = word(lower, "-", 63);
const dnsSubdomain = fc
  .array(word(lower, "-", 20), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("."));
const qualified = word(mixed, "-_.", 63);
const key = fc.oneof(
  qualified,
  fc.tuple(dnsSubdomain, qualified).map(([domain, name]) => `${domain}/${name}`),
);
/** Text that protobuf and C strings can hold. */
const text = fc.string({ unit: "grapheme", maxLength: 30 });
const labels = fc.dictionary(key, fc.oneof(fc.constant(""), qualified), { maxKeys: 5 });
const annotations = fc.dictionary(key, text, { maxKeys: 5 });
const below = fc
  .array(word(mixed, "-_. ", 12), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"));
const path = below.map((steps) => `/${steps}`);
const uint32 = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 2 ** 32 - 1 }));
const id = fc.nat({ max: 2 ** 31 - 1 });
export const address = fc.oneof(fc.ipV4(), fc.ipV6());
const profile = fc.constantFrom("RuntimeDefault" as const, "Unconfined" as const);
const range = fc.record({
  hostId: fc.nat({ max: 2 ** 31 }),
  containerId: maybe(fc.nat({ max: 1000 })),
  length: maybe(fc.integer({ min: 1, max: 65_536 })),
});

export const resources: fc.Arbitrary<ResourcesSpec> = fc.record({
  cpu: maybe(
    fc.oneof(
      fc.integer({ min: 100, max: 64_000 }).map((milli) => `${milli}m`),
      fc.constantFrom(1, 2n, 0.5),
    ),
  ),
  memory: maybe(
    fc.oneof(
      fc.integer({ min: 16, max: 2048 }).map((mega) => `${mega}Mi`),
      fc.constant(2n ** 30n),
    ),
  ),
  requests: maybe(
    fc.record({ cpu: maybe(fc.constantFrom("1m", "100m", 0)), memory: maybe(fc.constantFrom("1Mi", 8192)) }),
  ),
  cpuPeriodUs: maybe(fc.integer({ min: 1000, max: 1_000_000 })),
  oomScoreAdj: maybe(fc.integer({ min: -1000, max: 1000 })),
});

const shared = {
  supplementalGroups: maybe(fc.array(id, { maxLength: 4 })),
  selinux: maybe(fc.record({ user: maybe(qualified), level: maybe(fc.constant("s0:c1,c2")) })),
  readOnlyRootFilesystem: maybe(fc.boolean()),
  seccomp: maybe(fc.oneof(profile, fc.record({ localhost: path }))),
  apparmor: maybe(fc.oneof(profile, fc.record({ localhost: qualified }))),
};
const numericUser = fc.oneof(fc.constant({}), fc.record({ user: id, group: maybe(id) }));

const sysctls = fc.dictionary(
  fc
    .array(word("abcxyz", "_", 12), { minLength: 1, maxLength: 3 })
    .map((parts) => ["user", ...parts].join(".")),
  text,
  { maxKeys: 3 },
);

const podNamespaces = fc.record({
  pid: maybe(fc.constantFrom("container" as const, "pod" as const, "host" as const)),
  hostIpc: maybe(fc.boolean()),
});

const named = fc.oneof(
  fc.record({
    namespaces: maybe(podNamespaces),
    hostname: maybe(dnsLabel.map((name) => name.slice(0, 30).replace(/-+$/, ""))),
    domain: maybe(word(lower, "-.", 20).map((name) => name.replace(/[-.]+/g, "-"))),
  }),
  fc.record({ namespaces: podNamespaces.map((shared) => ({ ...shared, hostNetwork: true })) }),
  fc.record({ namespaces: fc.record({ users: fc.record({ uids: range, gids: maybe(range) }) }) }),
);

const port = fc.record({
  containerPort: fc.integer({ min: 1, max: 65_535 }),
  hostIp: maybe(address),
  protocol: maybe(fc.constantFrom("TCP" as const, "UDP" as const, "SCTP" as const)),
});

/** Every field of a pod with valid values, except host ports, which must be free on the host. */
export const validPod: fc.Arbitrary<PodSpec> = fc
  .tuple(
    fc.record({
      name: dnsSubdomain.map((name) => name.slice(0, 40).replace(/[-.]+$/, "")),
      namespace: maybe(dnsLabel),
      uid: maybe(fc.oneof(fc.uuid(), word(mixed, "-.", 63))),
      attempt: maybe(uint32),
      labels: maybe(labels),
      annotations: maybe(annotations),
      runtimeHandler: maybe(fc.constant("")),
      dns: maybe(
        fc.record({
          servers: maybe(fc.array(address, { maxLength: 3 })),
          searches: maybe(fc.array(fc.oneof(fc.constant("."), dnsSubdomain), { maxLength: 8 })),
          options: maybe(fc.array(fc.constantFrom("ndots:5", "rotate", "timeout:2"), { maxLength: 3 })),
        }),
      ),
      ports: maybe(fc.uniqueArray(port, { maxLength: 4, selector: ({ containerPort }) => containerPort })),
      sysctls: maybe(sysctls),
      resources: maybe(resources),
      overhead: maybe(resources),
      cgroupParent: maybe(
        fc.oneof(
          path,
          qualified.map((name) => `${name}.slice`),
        ),
      ),
      logDirectory: maybe(fc.oneof(path, fc.constant(false as const))),
    }),
    named,
    fc.tuple(fc.record({ ...shared, privileged: maybe(fc.boolean()) }), numericUser),
  )
  .map(([base, names, [security, user]]) => ({ ...base, ...names, security: { ...security, ...user } }));

const mount: fc.Arbitrary<MountSpec> = fc.oneof(
  fc.record({
    containerPath: path,
    hostPath: path,
    readOnly: maybe(fc.boolean()),
    propagation: maybe(
      fc.constantFrom("None" as const, "HostToContainer" as const, "Bidirectional" as const),
    ),
    selinuxRelabel: maybe(fc.boolean()),
    mountOptions: maybe(fc.array(fc.constantFrom("noexec", "nodev", "nosuid"), { maxLength: 2 })),
  }),
  fc.record({
    containerPath: path,
    hostPath: path,
    readOnly: fc.constant(true as const),
    recursiveReadOnly: fc.constant(true as const),
  }),
  fc.record({
    containerPath: path,
    image: fc.constantFrom("busybox:1.37", "registry.example:5000/a/b@sha256:".padEnd(97, "0")),
    subPath: maybe(below),
  }),
);

export const capabilities = fc.record({
  add: maybe(fc.array(fc.constantFrom("NET_ADMIN", "CAP_CHOWN", "kill", "ALL"), { maxLength: 3 })),
  drop: maybe(fc.array(fc.constantFrom("ALL", "MKNOD", "cap_net_raw"), { maxLength: 3 })),
});

const variable = word(`${mixed}_`, " .-:", 20);
export const env = fc
  .array(fc.tuple(variable, fc.oneof(text, fc.uint8Array({ maxLength: 20, min: 1 }))), { maxLength: 6 })
  .map((entries) => Object.fromEntries(entries));
export const textEnv = fc.dictionary(variable, text, { maxKeys: 6 });
export const input = fc.oneof(
  fc.record({ stdin: maybe(fc.boolean()), stdinOnce: maybe(fc.constant(false as const)) }),
  fc.record({ stdin: fc.constant(true as const), stdinOnce: maybe(fc.boolean()) }),
);
export const user = fc.oneof(
  numericUser,
  fc.record({ user: fc.constantFrom("nobody", "root"), group: maybe(id) }),
);

/** Every field of a container with valid values, for a pod that has logs and is not privileged. */
export const validContainer: fc.Arbitrary<ContainerSpec> = fc
  .tuple(
    fc.record({
      name: dnsLabel,
      attempt: maybe(uint32),
      image: fc.constantFrom("busybox", "docker.io/library/busybox:1.37", "localhost:5000/a", "f".repeat(64)),
      pullPolicy: maybe(fc.constantFrom("Always" as const, "IfNotPresent" as const, "Never" as const)),
      command: maybe(fc.array(text, { maxLength: 4 })),
      args: maybe(fc.array(text, { maxLength: 4 })),
      workingDir: maybe(path),
      env: maybe(env),
      mounts: maybe(fc.uniqueArray(mount, { maxLength: 4, selector: ({ containerPath }) => containerPath })),
      devices: maybe(
        fc.array(
          fc.record({
            hostPath: path,
            containerPath: maybe(path),
            permissions: maybe(fc.constantFrom("r", "rw", "mrw", "rwm")),
          }),
          { maxLength: 3 },
        ),
      ),
      cdiDevices: maybe(fc.array(fc.constantFrom("vendor.com/gpu=all", "a/b=0"), { maxLength: 2 })),
      labels: maybe(labels),
      annotations: maybe(annotations),
      tty: maybe(fc.boolean()),
      stopSignal: maybe(fc.constantFrom("SIGINT", "usr1", "SIGTERM", "QUIT")),
      resources: maybe(resources),
    }),
    input,
    fc.tuple(
      fc.record({
        ...shared,
        capabilities: maybe(capabilities),
        allowPrivilegeEscalation: maybe(fc.boolean()),
        procMount: maybe(
          fc.oneof(
            fc.constantFrom("Default" as const, "Unmasked" as const),
            fc.record({
              maskedPaths: fc.array(path, { maxLength: 3 }),
              readOnlyPaths: fc.array(path, { maxLength: 3 }),
            }),
          ),
        ),
      }),
      user,
    ),
  )
  .map(([base, inputs, [security, userSpec]]) => ({
    ...base,
    ...inputs,
    security: { ...security, ...userSpec },
  }));

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    "",
    "\0",
    "a\0b",
    "../..",
    "a/../b",
    "/",
    "80",
    "true",
    "\ud800",
    "A b=c/d:e,f",
    "x".repeat(300),
  ),
  fc.constantFrom<unknown>(
    0,
    -0,
    -1,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 32,
    2 ** 53,
    10n,
    true,
    false,
  ),
  fc.constantFrom<unknown>([], {}, [[]], [null], { a: 1 }, new Uint8Array([0]), () => 1, Symbol("no spec")),
  fc.constantFrom<unknown>(new Date(0), new Map([["a", 1]]), Object.create(null)),
  fc.anything(),
);

/** A spec with up to three mutations: a replaced value, or an unknown field. It may still be valid. */
export function mutated(spec: fc.Arbitrary<object>): fc.Arbitrary<unknown> {
  const change = fc.record({
    at: fc.nat(),
    field: fc.constantFrom("", "unknown", "hostpath", "__proto__"),
    value: junk,
  });
  return fc.tuple(spec, fc.array(change, { minLength: 1, maxLength: 3 })).map(([valid, changes]) => {
    const copy: unknown = structuredClone(valid);
    const members = [...membersIn(copy)];
    for (const { at, field, value } of changes) {
      const member = members[at % members.length];
      if (!member) continue;
      const name = field === "" ? member.key : field;
      Object.defineProperty(member.parent, name, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return copy;
  });
}

function* membersIn(value: unknown): Generator<{ readonly parent: object; readonly key: string }> {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  for (const [key, member] of Object.entries(value)) {
    yield { parent: value, key };
    yield* membersIn(member);
  }
}
