import type { ChaosPlan } from "./rules.js";

/** RPCs that change something. */
const changes = [
  "runPodSandbox",
  "stopPodSandbox",
  "removePodSandbox",
  "createContainer",
  "startContainer",
  "stopContainer",
  "removeContainer",
] as const;

/**
 * A gentle mixture of faults that any runtime may have: most calls are a little slower, about one in fifty fails or loses its response, and
 * streams of events break, stall and lose events from time to time. The proxy restarts about once in five hundred calls.
 */
export const defaultChaosPlan: ChaosPlan = {
  rules: [
    {
      name: "restart",
      fault: "restart",
      probability: 0.002,
      downMs: { distribution: "uniform", minMs: 200, maxMs: 2_000 },
    },
    { name: "lost-response", fault: "cutConnection", methods: changes, probability: 0.02, when: "after" },
    {
      name: "failure",
      fault: "fail",
      methods: changes,
      probability: 0.02,
      code: "unavailable",
      message: "the runtime is busy (a fault of the chaos proxy)",
    },
    {
      name: "late-failure",
      fault: "fail",
      methods: changes,
      probability: 0.01,
      when: "after",
      code: "deadline_exceeded",
      message: "context deadline exceeded",
    },
    {
      name: "slow-pull",
      fault: "delay",
      methods: ["pullImage"],
      ms: { distribution: "lognormal", p50Ms: 500, p99Ms: 10_000 },
    },
    {
      name: "slow-call",
      fault: "delay",
      probability: 0.5,
      ms: { distribution: "lognormal", p50Ms: 5, p99Ms: 500 },
    },
    {
      name: "cut-events",
      fault: "cutStream",
      methods: ["getContainerEvents"],
      probability: 0.5,
      afterMs: { distribution: "exponential", meanMs: 60_000 },
    },
    {
      name: "stalled-events",
      fault: "stallStream",
      methods: ["getContainerEvents"],
      probability: 0.2,
      afterMessages: 20,
      ms: { distribution: "uniform", minMs: 1_000, maxMs: 10_000 },
    },
    { name: "lost-event", fault: "dropEvents", probability: 0.01 },
    {
      name: "late-event",
      fault: "delayEvents",
      probability: 0.02,
      ms: { distribution: "exponential", meanMs: 500 },
    },
    {
      name: "cut-session",
      fault: "cutSession",
      probability: 0.02,
      afterMs: { distribution: "exponential", meanMs: 2_000 },
    },
  ],
};
