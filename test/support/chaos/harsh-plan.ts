import type { ChaosPlan, ChaosRule } from "../../../src/testing/index.js";
import type { RpcName } from "../../../src/transport/index.js";

const changes: readonly RpcName[] = [
  "runPodSandbox",
  "stopPodSandbox",
  "removePodSandbox",
  "createContainer",
  "startContainer",
  "stopContainer",
  "removeContainer",
  "pullImage",
];
const reads: readonly RpcName[] = [
  "version",
  "status",
  "listPodSandbox",
  "listContainers",
  "podSandboxStatus",
  "containerStatus",
  "streamPodSandboxes",
  "streamContainers",
  "imageStatus",
];

/** Faults that do not end before they are paused, or that last for minutes. */
export interface HarshOptions {
  /** Whether calls hang until their deadlines. @default true */
  readonly hangs?: boolean;
}

/** A plan under which about one call in five fails or loses its response, and no stream lives long. */
export function harshPlan({ hangs = true }: HarshOptions = {}): ChaosPlan {
  const rules: readonly ChaosRule[] = [
    {
      name: "restart",
      fault: "restart",
      probability: 0.004,
      downMs: { distribution: "uniform", minMs: 20, maxMs: 600 },
    },
    { name: "lost", fault: "cutConnection", methods: changes, probability: 0.06, when: "after" },
    { name: "cut", fault: "cutConnection", probability: 0.01 },
    {
      name: "busy",
      fault: "fail",
      methods: changes,
      probability: 0.05,
      code: "unavailable",
      message: "busy",
    },
    {
      name: "late",
      fault: "fail",
      methods: changes,
      probability: 0.05,
      when: "after",
      code: "deadline_exceeded",
      message: "context deadline exceeded",
    },
    {
      name: "odd",
      fault: "fail",
      methods: changes,
      probability: 0.03,
      when: "after",
      code: "unknown",
      message: "failed to do it: ttrpc: closed",
    },
    {
      name: "canceled",
      fault: "fail",
      methods: changes,
      probability: 0.02,
      code: "canceled",
      message: "context canceled",
    },
    {
      name: "starting",
      fault: "fail",
      probability: 0.01,
      code: "unknown",
      message: "server is not initialized yet",
    },
    {
      name: "unread",
      fault: "fail",
      methods: reads,
      probability: 0.04,
      code: "internal",
      message: "read failed",
    },
    {
      name: "exec",
      fault: "fail",
      methods: ["execSync"],
      probability: 0.2,
      code: "unknown",
      message: "exec failed",
    },
    { name: "invalid", fault: "corrupt", methods: [...changes, ...reads], probability: 0.02 },
    {
      name: "partial-list",
      fault: "cutStream",
      methods: ["streamPodSandboxes", "streamContainers"],
      probability: 0.05,
    },
    {
      name: "slow",
      fault: "delay",
      probability: 0.3,
      ms: { distribution: "lognormal", p50Ms: 3, p99Ms: 200 },
    },
    {
      name: "slow-answer",
      fault: "delay",
      when: "after",
      probability: 0.1,
      ms: { distribution: "exponential", meanMs: 50 },
    },
    {
      ...{ name: "cut-events", fault: "cutStream", methods: ["getContainerEvents"], probability: 0.5 },
      afterMs: { distribution: "exponential", meanMs: 2_000 },
    },
    {
      ...{ name: "complete-events", fault: "cutStream", methods: ["getContainerEvents"], probability: 0.2 },
      ...{ how: "complete", afterMessages: 7 },
    },
    {
      name: "stalled-events",
      fault: "stallStream",
      methods: ["getContainerEvents"],
      probability: 0.5,
      afterMessages: 3,
    },
    { name: "lost-event", fault: "dropEvents", probability: 0.1 },
    {
      name: "late-event",
      fault: "delayEvents",
      probability: 0.1,
      ms: { distribution: "exponential", meanMs: 100 },
    },
  ];
  const hang: ChaosRule[] = [
    { name: "hang", fault: "hang", methods: reads, probability: 0.003 },
    { name: "hang-after", fault: "hang", methods: changes, probability: 0.005, when: "after" },
  ];
  return { rules: hangs ? [...rules, ...hang] : rules };
}
