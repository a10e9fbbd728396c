import type { ContainerStatus, PodStatus } from "../../../src/kubernetes/index.js";

/** What a container has come to. */
export interface ExpectedContainer {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly minRestarts?: number;
}

/** What a manifest of examples/manifests does. */
export interface Expectation {
  /** What to wait for before the rest is checked. */
  readonly until: "running" | "ready" | "ended" | ((status: PodStatus<Date>) => boolean);
  readonly phase?: "Succeeded" | "Failed" | "Running";
  readonly reason?: string;
  readonly qosClass?: string;
  /** What the log of a container contains, in this order. */
  readonly logs?: Readonly<Record<string, readonly (string | RegExp)[]>>;
  /** What the log contains after the pod was stopped. */
  readonly logsAfterStop?: Readonly<Record<string, readonly (string | RegExp)[]>>;
  readonly containers?: Readonly<Record<string, ExpectedContainer>>;
  /** Reasons that occur among the events. */
  readonly events?: readonly string[];
  /** Needs containers with namespaces and cgroups of their own: does not run on the embedded runtime. */
  readonly isolated?: true;
}

const restarted =
  (name: string, count: number) =>
  ({ containerStatuses }: PodStatus<Date>): boolean =>
    (statusOf(containerStatuses, name)?.restartCount ?? 0) >= count;

/** Returns the status of a container. */
export function statusOf(
  statuses: readonly ContainerStatus<Date>[] | undefined,
  name: string,
): ContainerStatus<Date> | undefined {
  return statuses?.find((status) => status.name === name);
}

const succeeded = { until: "ended", phase: "Succeeded" } as const;

/** By the name of the file. */
export const expectations: Readonly<Record<string, Expectation>> = {
  "sidecar-logger": {
    until: "ready",
    phase: "Running",
    qosClass: "BestEffort",
    logs: { logger: ["line 1", "line 2"] },
  },
  "init-migration": { ...succeeded, logs: { app: ["version 2"] } },
  job: { ...succeeded, logs: { report: ["report done"] }, events: ["Pulled", "Created", "Started"] },
  "job-retry": { ...succeeded, containers: { work: { exitCode: 0, reason: "Completed", minRestarts: 1 } } },
  "node-agent": {
    until: "ready",
    phase: "Running",
    logs: { agent: [/^(PRETTY_)?NAME=|^ID=/m, "sees processes"] },
  },
  web: { until: "ready", phase: "Running", isolated: true },
  config: {
    ...succeeded,
    logs: { app: ["debug admin debug", "listen = 8080", "workers = 2", /^3$/m, "hunter2", "-r--------"] },
    isolated: true,
  },
  "downward-api": {
    ...succeeded,
    qosClass: "Burstable",
    logs: {
      app: [
        "downward-api/default team=nodes cpu=500 memory=64",
        "has address",
        'app="downward"',
        'tier="test"',
      ],
    },
  },
  "shared-processes": { until: "ready", logs: { observer: ["sees server"] }, isolated: true },
  // 0: the test runtimes may not lower the score of processes below their own.
  guaranteed: { ...succeeded, qosClass: "Guaranteed", logs: { app: [/^(-997|0)$/m] }, isolated: true },
  burstable: {
    ...succeeded,
    qosClass: "Burstable",
    logs: { small: [/^[1-9]\d{0,2}$/m], none: [/^[1-9]\d{0,2}$/m] },
    isolated: true,
  },
  "best-effort": { ...succeeded, qosClass: "BestEffort", logs: { app: [/^1000$/m] }, isolated: true },
  "pod-resources": {
    ...succeeded,
    qosClass: "Burstable",
    containers: { a: { exitCode: 0 }, b: { exitCode: 0 } },
  },
  restricted: {
    ...succeeded,
    logs: {
      app: [
        /^1000$/m,
        /^3000$/m,
        "writes",
        "read-only",
        /NoNewPrivs:\s+1/,
        /CapEff:\s+0{16}/,
        /Seccomp:\s+2/,
      ],
    },
    isolated: true,
  },
  // With SYS_ADMIN and all above it but SYS_RESOURCE, which the runtime itself may lack.
  // All capabilities of this machine; Docker 20.10 knows those up to CAP_AUDIT_READ.
  privileged: { ...succeeded, logs: { app: [/CapEff:\s+0+(?:1f|3)ff[ef]f{6}$/m] }, isolated: true },
  "security-profiles": {
    ...succeeded,
    logs: {
      default: [/Seccomp:\s+2/],
      unconfined: [/Seccomp:\s+0/],
      capabilities: [/CapEff:\s+0*400$/m],
    },
    isolated: true,
  },
  "host-names": {
    ...succeeded,
    logs: {
      app: [
        /^web-0$/m,
        "127.0.0.1\tlocalhost",
        /\tweb-0\.web\.prod\.svc\.cluster\.local\tweb-0$/m,
        "192.0.2.7\tdb\tdb.example.com",
      ],
    },
    isolated: true,
  },
  "dns-config": {
    ...succeeded,
    logs: { app: [/search example\.com/, /nameserver 192\.0\.2\.53/, /options ndots:2/] },
    isolated: true,
  },
  projected: {
    ...succeeded,
    logs: { app: ["from config map", "from secret", 'app="projected"'] },
  },
  "sub-path": {
    ...succeeded,
    logs: { app: ["page", "logs-sub-path", "site"] },
  },
  "memory-volume": { ...succeeded, logs: { app: ["tmpfs", /^8192$/m] }, isolated: true },
  "host-path-create": { ...succeeded, logs: { app: ["kept", "drwxr-xr-x"] }, isolated: true },
  "termination-messages": {
    until: "ended",
    phase: "Failed",
    containers: {
      file: { exitCode: 3, reason: "Error", message: "out of disk\n" },
      logs: { exitCode: 4, reason: "Error", message: "starting\nno config\n" },
      custom: { exitCode: 0, reason: "Completed", message: "all good\n" },
    },
  },
  "crash-loop": {
    until: ({ containerStatuses }) =>
      statusOf(containerStatuses, "app")?.state?.waiting?.reason === "CrashLoopBackOff",
    phase: "Running",
    events: ["BackOff"],
    containers: { app: { exitCode: 7, reason: "Error", minRestarts: 1 } },
  },
  deadline: { until: "ended", phase: "Failed", reason: "DeadlineExceeded" },
  hooks: { until: "ready", logs: { app: ["hook ran"] }, logsAfterStop: { app: ["saw preStop"] } },
  "liveness-exec": {
    until: restarted("app", 1),
    phase: "Running",
    events: ["Unhealthy", "Killing"],
  },
  "tcp-readiness": { until: "ready", phase: "Running", isolated: true },
  "stateful-set": { until: "ready", phase: "Running", logs: { db: ["ready"] } },
  list: { ...succeeded, logs: { app: ["hello from a list"] } },
  sysctls: { ...succeeded, logs: { app: [/20000\s+30000/] }, isolated: true },
  "sidecar-order": {
    until: "ready",
    phase: "Running",
    logsAfterStop: {
      first: ["start first", "start second", "start app", "stop app", "stop second", "stop first"],
    },
  },
  variables: { ...succeeded, logs: { app: ["hello world $(GREETING) $(UNKNOWN)"] } },
  "out-of-memory": {
    until: "ended",
    phase: "Failed",
    containers: { app: { exitCode: 137, reason: "OOMKilled" } },
    isolated: true,
  },
};
