// Random specs that this machine can run: features that require kernel modules, hardware or host devices are excluded.
import fc from "fast-check";
import type { MountSpec } from "../../src/configs.js";
import type { ContainerSpec, PodSpec } from "../../src/index.js";
import { address, capabilities, env, input, textEnv } from "../support/arbitrary-specs.js";

/** The features of a runtime and its machine that specs may use. */
export interface SpecEnvironment {
  readonly image: string;
  /** A folder that contains the folder `data` and the profile `seccomp.json`. */
  readonly folder: string;
  readonly cgroupParent: string;
  readonly recursiveReadOnly: boolean;
  readonly imageMounts: boolean;
  readonly supplementalGroupsPolicy: boolean;
  /** Environment variables that are not UTF-8. */
  readonly binaryEnvironment: boolean;
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** The fields of a pod that depend on whether it uses the host's network. */
type NetworkFields = PodSpec extends infer Spec
  ? Spec extends PodSpec
    ? Pick<Spec, Extract<keyof Spec, "namespaces" | "hostname" | "domain">>
    : never
  : never;
const yes = maybe(fc.boolean());
const labels = fc.dictionary(
  fc.constantFrom("app", "example.com/tier", "a.b_c"),
  fc.constantFrom("", "x", "y-1.z"),
);
const annotations = fc.dictionary(
  fc.constantFrom("note", "example.com/note"),
  fc.string({ unit: "grapheme" }),
);
const id = fc.constantFrom(0, 1000, 65_534, 2 ** 31 - 1);

const resources = fc.record({
  cpu: maybe(fc.constantFrom("100m", 0.25, "1500m")),
  memory: maybe(fc.constantFrom("32Mi", 2n ** 26n, "0.1Gi")),
  requests: maybe(fc.record({ cpu: maybe(fc.constant("10m")), memory: maybe(fc.constant("16Mi")) })),
  cpuPeriodUs: maybe(fc.constantFrom(10_000, 100_000)),
  cpuset: maybe(fc.constantFrom({ cpus: "0" }, { cpus: "0-1", mems: "0" })),
  oomScoreAdj: maybe(fc.integer({ min: 0, max: 1000 })),
});

const security = (environment: SpecEnvironment) => ({
  supplementalGroups: maybe(fc.uniqueArray(id, { maxLength: 3 })),
  supplementalGroupsPolicy: maybe(
    environment.supplementalGroupsPolicy
      ? fc.constantFrom("Merge" as const, "Strict" as const)
      : fc.constant("Merge" as const),
  ),
  readOnlyRootFilesystem: yes,
  seccomp: maybe(
    fc.oneof(
      fc.constantFrom("RuntimeDefault" as const, "Unconfined" as const),
      fc.constant({ localhost: `${environment.folder}/seccomp.json` }),
    ),
  ),
  // Runtimes reject AppArmor profiles on a machine without AppArmor.
  apparmor: maybe(fc.constant("Unconfined" as const)),
});

const names = fc.oneof<fc.Arbitrary<NetworkFields>[]>(
  fc.record({
    hostname: maybe(fc.constantFrom("h", "my-host", "h".repeat(63), "my.custom.host")),
    namespaces: maybe(
      fc.record({
        pid: maybe(fc.constantFrom("container" as const, "pod" as const, "host" as const)),
        hostIpc: yes,
      }),
    ),
  }),
  // Hostname and domain have 64 characters together, the kernel's limit.
  fc.record({
    hostname: fc.constant("web"),
    domain: fc.constantFrom("db.prod.svc.cluster.local", "d".repeat(60)),
  }),
  fc.record({ namespaces: fc.record({ hostNetwork: fc.constant(true) }) }),
);

/** Returns an arbitrary pod. `index` is unique for each pod and determines its name and host ports. */
export function runnablePod(environment: SpecEnvironment, index: number): fc.Arbitrary<PodSpec> {
  return fc
    .record({
      base: fc.record({
        attempt: maybe(fc.nat({ max: 2 ** 32 - 1 })),
        labels: maybe(labels),
        annotations: maybe(annotations),
        dns: maybe(
          fc.record({
            servers: maybe(fc.uniqueArray(address, { maxLength: 3 })),
            searches: maybe(fc.constantFrom([], ["."], ["a_b.example", "example."])),
            options: maybe(fc.constantFrom([], ["ndots:5", "rotate"])),
          }),
        ),
        resources: maybe(resources),
        overhead: maybe(resources),
        logDirectory: maybe(fc.constant(false as const)),
      }),
      names,
      ports: maybe(
        fc.uniqueArray(
          fc.record({
            containerPort: fc.integer({ min: 1, max: 65_535 }),
            mapped: fc.boolean(),
            hostIp: maybe(fc.constantFrom("", "127.0.0.1")),
            protocol: maybe(fc.constantFrom("TCP" as const, "UDP" as const)),
          }),
          { maxLength: 3, selector: ({ containerPort }) => containerPort },
        ),
      ),
      sysctls: fc.constantFrom(
        undefined,
        { "net.ipv4.ip_unprivileged_port_start": "0" },
        { "net/ipv4/ping_group_range": "0 1000", "kernel.shm_rmid_forced": "1" },
      ),
      security: fc.record({ ...security(environment), privileged: yes, user: maybe(id) }),
      group: maybe(id),
    })
    .map(({ base, names, ports, sysctls, security: { user, ...rules }, group }) => {
      const { hostNetwork, hostIpc } = { hostNetwork: false, hostIpc: false, ...names.namespaces };
      return {
        ...base,
        ...names,
        name: `configs-${index}`,
        namespace: "cri-sdk-test",
        cgroupParent: `${environment.cgroupParent}/configs-${index}`,
        ports: ports?.map(({ mapped, ...port }, nth) =>
          mapped && !hostNetwork ? { ...port, hostPort: 20_000 + index * 4 + nth } : port,
        ),
        sysctls: hostNetwork || hostIpc ? undefined : sysctls,
        security: { ...rules, ...(user === undefined ? {} : { user, group }) },
      };
    });
}

function mount({ image, folder, recursiveReadOnly, imageMounts }: SpecEnvironment): fc.Arbitrary<MountSpec> {
  const containerPath = fc.constantFrom("/data", "/mnt/a b", "/mnt/ä/b", "/etc/config", "/bin2");
  const hostPath = fc.constantFrom(`${folder}/data`, `${folder}/data/made by the runtime`);
  const kinds: fc.Arbitrary<MountSpec>[] = [
    fc.record({
      containerPath,
      hostPath,
      readOnly: yes,
      selinuxRelabel: yes,
      propagation: maybe(fc.constant("None" as const)),
    }),
  ];
  if (recursiveReadOnly)
    kinds.push(
      fc.record({
        containerPath,
        hostPath,
        readOnly: fc.constant(true as const),
        recursiveReadOnly: fc.constant(true as const),
      }),
    );
  if (imageMounts)
    kinds.push(fc.record({ containerPath, image: fc.constant(image), subPath: maybe(fc.constant("bin")) }));
  return fc.oneof(...kinds);
}

/** Returns an arbitrary container that sleeps, with the privileges that its pod allows. */
export function runnableContainer(environment: SpecEnvironment, pod: PodSpec): fc.Arbitrary<ContainerSpec> {
  return fc
    .record({
      base: fc.record({
        attempt: maybe(fc.nat({ max: 2 ** 32 - 1 })),
        workingDir: maybe(fc.constantFrom("/", "/bin", "")),
        env: maybe(environment.binaryEnvironment ? env : textEnv),
        mounts: maybe(
          fc.uniqueArray(mount(environment), {
            maxLength: 3,
            selector: ({ containerPath }) => containerPath,
          }),
        ),
        devices: maybe(
          fc.constantFrom(
            [{ hostPath: "/dev/null", containerPath: "/dev/nothing" }],
            [{ hostPath: "/dev/zero", permissions: "r" }],
          ),
        ),
        labels: maybe(labels),
        annotations: maybe(annotations),
        logPath:
          pod.logDirectory === false
            ? fc.constant(undefined)
            : fc.constantFrom(undefined, false as const, "a/b/c.log"),
        tty: yes,
        stopSignal: maybe(fc.constantFrom("SIGINT", "SIGRTMIN+3", "term", "RTMAX")),
        resources: maybe(resources),
      }),
      input,
      security: fc.record({
        ...security(environment),
        capabilities: maybe(capabilities),
        procMount: maybe(
          fc.constantFrom<NonNullable<ContainerSpec["security"]>["procMount"]>("Default", "Unmasked", {
            maskedPaths: ["/proc/kcore", "/none"],
            readOnlyPaths: [],
          }),
        ),
      }),
      privilege: fc.constantFrom(
        {},
        { allowPrivilegeEscalation: false },
        ...(pod.security?.privileged ? [{ privileged: true as const }] : []),
      ),
      user: fc.constantFrom({}, { user: 1000 }, { user: 1000, group: 7 }, { user: "root", group: 7 }),
    })
    .map(({ base, input, security, privilege, user }) => ({
      ...base,
      ...input,
      name: "c",
      image: environment.image,
      command: ["sh", "-c", "sleep 600"],
      security: { ...security, ...privilege, ...user },
    }));
}
