// A runtime and an executor for decisions, in memory and on a clock of its own: what they do is known, so that every step can be checked.
import assert from "node:assert/strict";
import {
  isRestartingAllContainers,
  isTerminalPhase,
  podStatus,
} from "../../src/kubernetes/status/pod-status.js";
import { podActions } from "../../src/kubernetes/worker/actions.js";
import { decideRestart, RestartBackOff } from "../../src/kubernetes/worker/back-off.js";
import { podGraceSeconds } from "../../src/kubernetes/worker/grace.js";
import type {
  ObservedContainer,
  ObservedPod,
  ObservedSandbox,
} from "../../src/kubernetes/worker/observed.js";
import { findContainer, isStopped, nextRestartCount } from "../../src/kubernetes/worker/pod-containers.js";
import type { ProbeState } from "../../src/kubernetes/worker/ports.js";
import { terminationPlan } from "../../src/kubernetes/worker/termination.js";
import { type Container, containerHash, type PodStatus } from "../../src/kubernetes.js";
import { instanceOf, type podOf, sandboxOf } from "./observed-pods.js";

type SimulatedPodSpec = ReturnType<typeof podOf>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** How the next start of a container ends. */
export type StartOutcome = "running" | "start-error" | "created" | "create-error";

const delays = [0, 10, 20, 40, 80, 160, 300];

export class SimulatedPod {
  nowSeconds = 0;
  isDeleted = false;
  status: PodStatus<Date> | undefined;
  readonly sandboxes: Mutable<ObservedSandbox>[] = [];
  readonly containers: Mutable<ObservedContainer>[] = [];
  readonly probes = new Map<string, ProbeState>();
  /** By container name; running by default. Each is used once. */
  readonly nextStart = new Map<string, StartOutcome>();
  /** The names of all starts, in their order. */
  readonly starts: string[] = [];
  /** When the next delay ends. */
  wakeUpSeconds: number | undefined;
  pod: SimulatedPodSpec;
  #created = 0;
  readonly #backOff = new RestartBackOff();
  readonly #waiting: Record<string, { readonly reason: string; readonly message: string }> = {};
  /** By name: the highest restart count so far. */
  readonly #counts = new Map<string, number>();
  /** Init containers that succeeded, and sidecars that started, in the current sandbox. */
  readonly #initialized = new Set<string>();
  /** A second implementation of back-off, by name and image: how many delays were used, and when. */
  readonly #delaysUsed = new Map<string, { count: number; atSeconds: number }>();

  constructor(pod: SimulatedPodSpec) {
    this.pod = pod;
  }

  observe(): ObservedPod {
    return {
      sandboxes: [...this.sandboxes].sort((a, b) => b.attempt - a.attempt).map((it) => ({ ...it })),
      containers: [...this.containers]
        .sort((a, b) => Number(b.createdAtNanos - a.createdAtNanos))
        .map((it) => ({ ...it })),
    };
  }

  running(): readonly Mutable<ObservedContainer>[] {
    return this.containers.filter(({ state }) => state === "running");
  }

  exit(container: Mutable<ObservedContainer>, exitCode: number, reason?: string): void {
    container.state = "exited";
    container.exitCode = exitCode;
    container.reason = reason ?? (exitCode === 0 ? "Completed" : "Error");
    container.finishedAtNanos = this.#nanos();
    const { name, sandboxId } = container;
    const isInit = findContainer(this.pod, name)?.kind === "init";
    if (isInit && exitCode === 0 && reason !== "OOMKilled" && sandboxId === this.#active()?.id)
      this.#initialized.add(name);
  }

  /** Ends the sandbox, as a node does that restarts. */
  killSandbox(): void {
    for (const container of this.running()) this.exit(container, 255, "Unknown");
    for (const sandbox of this.sandboxes) this.#stopSandbox(sandbox);
  }

  /** Makes the runtime forget an instance. */
  forget(container: ObservedContainer): void {
    const index = this.containers.findIndex(({ id }) => id === container.id);
    if (index >= 0) this.containers.splice(index, 1);
  }

  /** Sets the results of probes that were not decided yet. */
  decideProbes(resultOf: () => "success" | "failure"): void {
    for (const { id, name } of this.running()) {
      const probed = findContainer(this.pod, name)?.container;
      const old = this.probes.get(id);
      const startup = old?.startup === "success" || !probed?.startupProbe ? "success" : resultOf();
      const liveness = probed?.livenessProbe && startup === "success" ? resultOf() : "success";
      this.probes.set(id, { startup, liveness, readiness: resultOf() });
    }
    this.#noteSidecars();
  }

  /** Syncs until nothing changes any more; then removes old instances, as garbage collection does. */
  settle(): void {
    for (let syncs = 0; syncs < 60; syncs++)
      if (!this.sync()) {
        this.#collect();
        return;
      }
    assert.fail("the pod does not come to rest");
  }

  /** Makes one sync, and returns whether anything was done. */
  sync(): boolean {
    const observed = this.observe();
    this.wakeUpSeconds = undefined;
    this.#updateStatus(observed, this.isEnding() && isStopped(observed));
    const isTerminating = this.isEnding();
    const actions = podActions(this.pod, observed, {
      isTerminating,
      isRestartingAll: isRestartingAllContainers(this.status),
      probes: (id) => this.probes.get(id),
    });
    const starts = [...actions.startEphemeral, ...actions.startInit, ...actions.startRegular];
    if (isTerminating) assert.deepEqual([starts, actions.createSandbox], [[], false], "starts while it ends");
    let changed = false;
    if (actions.killPod) changed = this.#killPod(observed, isTerminating) || changed;
    else
      for (const { id, name } of actions.kill) {
        const container = this.#find(id);
        assert.ok(container, `kills ${id}, which does not exist`);
        assert.ok(
          ["running", "unknown"].includes(container.state),
          `kills ${id}, which is ${container.state}`,
        );
        assert.equal(container.name, name);
        this.exit(container, 137);
        changed = true;
      }
    for (const { id, kill } of actions.reset) {
      const container = this.#find(id);
      assert.ok(container);
      assert.equal(kill, container.state !== "exited");
      this.#remove(id);
      changed = true;
    }
    for (const id of actions.remove) {
      assert.notEqual(this.#find(id)?.state, "running", `removes ${id}, which runs`);
      this.#remove(id);
      changed = true;
    }
    if (actions.createSandbox) {
      this.#createSandbox(actions.sandboxAttempt);
      changed = true;
    }
    if (starts.length > 0) changed = this.#start(actions, observed) || changed;
    return changed;
  }

  isEnding(): boolean {
    return this.isDeleted || isTerminalPhase(this.status?.phase);
  }

  #start(actions: ReturnType<typeof podActions>, observed: ObservedPod): boolean {
    let changed = false;
    for (const name of actions.startEphemeral)
      changed = this.#tryStart(name, observed) !== "waits" || changed;
    for (const name of actions.startInit) {
      const outcome = this.#tryStart(name, observed);
      changed = outcome !== "waits" || changed;
      if (outcome !== "running" && findContainer(this.pod, name)?.kind === "init") return changed;
    }
    for (const name of actions.startRegular) changed = this.#tryStart(name, observed) !== "waits" || changed;
    return changed;
  }

  #tryStart(name: string, observed: ObservedPod): StartOutcome | "waits" {
    const container = findContainer(this.pod, name)?.container;
    assert.ok(container, `starts ${name}, which the Pod does not have`);
    const nowMs = this.nowSeconds * 1000;
    const decision = decideRestart(this.pod, container, observed, this.#backOff, nowMs);
    const due = this.#expectedStart(container, observed, decision.start);
    if (!decision.start) {
      assert.equal(decision.untilMs / 1000, due, `${name} has another delay`);
      this.wakeUpSeconds = Math.min(this.wakeUpSeconds ?? Number.POSITIVE_INFINITY, due);
      this.#waiting[name] = decision.waiting;
      return "waits";
    }
    assert.ok(
      due <= this.nowSeconds,
      `${name} starts ${due - this.nowSeconds} s before the end of its delay`,
    );
    const outcome = this.nextStart.get(name) ?? "running";
    this.nextStart.delete(name);
    this.#checkOrder(name);
    this.starts.push(name);
    if (outcome === "create-error") {
      this.#waiting[name] = { reason: "CreateContainerError", message: "" };
      return outcome;
    }
    const created = this.#create(container, observed);
    if (outcome === "created" || outcome === "start-error") {
      this.#waiting[name] = { reason: "RunContainerError", message: "" };
      if (outcome === "start-error") this.exit(created, 128, "StartError");
      return outcome;
    }
    created.state = "running";
    created.startedAtNanos = this.#nanos();
    delete this.#waiting[name];
    this.#noteSidecars();
    return "running";
  }

  /** Returns when the container may start, by a second implementation of the rule. */
  #expectedStart(container: Container, observed: ObservedPod, starts: boolean): number {
    const exited = observed.containers.find((it) => it.name === container.name && it.state === "exited");
    if (exited === undefined) return 0;
    const key = `${container.name} ${container.image}`;
    const exitedAt = Number(exited.finishedAtNanos / 1_000_000_000n);
    const used = this.#delaysUsed.get(key);
    const isFresh = used === undefined || exitedAt - used.atSeconds > 600;
    const count = isFresh ? 0 : used.count;
    const due = exitedAt + (delays[Math.min(count, delays.length - 1)] ?? 0);
    if (starts) this.#delaysUsed.set(key, { count: count + 1, atSeconds: this.nowSeconds });
    return due;
  }

  /** Checks that everything that has to come first did come first, in this sandbox. */
  #checkOrder(name: string): void {
    assert.ok(!this.isEnding(), `${name} starts although the pod ends`);
    assert.ok(!this.running().some((it) => it.name === name), `${name} starts although it runs`);
    const ready = this.sandboxes.filter(({ isReady }) => isReady);
    assert.equal(ready.length, 1, "containers start without exactly one sandbox");
    const inits = this.pod.spec.initContainers.map((it) => it.name);
    const kind = findContainer(this.pod, name)?.kind;
    if (kind === "ephemeral") return;
    const before = kind === "regular" ? inits : inits.slice(0, inits.indexOf(name));
    for (const init of before)
      assert.ok(this.#initialized.has(init), `${name} starts before ${init} is done`);
  }

  #create(container: Container, observed: ObservedPod): Mutable<ObservedContainer> {
    const { name } = container;
    const logged = this.#counts.get(name);
    const restartCount = nextRestartCount(observed, name) ?? (logged === undefined ? 0 : logged + 1);
    assert.equal(restartCount, logged === undefined ? 0 : logged + 1, `${name} has another restart count`);
    this.#counts.set(name, restartCount);
    this.#created += 1;
    const created: Mutable<ObservedContainer> = instanceOf({
      id: `${name}-${this.#created}`,
      name,
      state: "created",
      sandboxId: this.#active()?.id ?? "",
      createdAtNanos: this.#nanos() + BigInt(this.#created),
      restartCount,
      hash: containerHash(container.name, container.image ?? ""),
    });
    this.containers.push(created);
    return created;
  }

  #createSandbox(attempt: number): void {
    assert.ok(!this.sandboxes.some((it) => it.attempt === attempt), `attempt ${attempt} exists`);
    assert.ok(!this.sandboxes.some(({ isReady }) => isReady), "a second ready sandbox");
    this.sandboxes.push(sandboxOf({ id: `sandbox-${attempt}`, attempt }));
    this.#initialized.clear();
  }

  /** Stops everything, and checks that each container waits only for others that stop. */
  #killPod(observed: ObservedPod, isFinal: boolean): boolean {
    const graceSeconds = isFinal ? podGraceSeconds(this.pod) : undefined;
    const plan = terminationPlan(this.pod, observed, { graceSeconds });
    const wasStopped = isStopped(observed);
    const pending = new Map(plan.containers.map((it) => [it.id, it]));
    assert.deepEqual(new Set(pending.keys()), new Set(this.running().map(({ id }) => id)));
    const order: string[] = [];
    while (pending.size > 0) {
      const next = [...pending.values()].filter(({ waitsFor }) => !waitsFor.some((id) => pending.has(id)));
      assert.ok(next.length > 0, "containers wait for each other");
      for (const { id, name } of next) {
        const container = this.#find(id);
        assert.ok(container);
        this.exit(container, 143);
        pending.delete(id);
        order.push(name);
      }
    }
    const sidecars = this.pod.spec.initContainers
      .filter(({ restartPolicy }) => restartPolicy === "Always")
      .map(({ name }) => name);
    const regular = new Set(this.pod.spec.containers.map(({ name }) => name));
    const stoppedSidecars = order.filter((name) => sidecars.includes(name));
    assert.deepEqual(
      stoppedSidecars,
      sidecars.filter((name) => order.includes(name)).reverse(),
      "sidecars stop in another order",
    );
    const lastRegular = order.findLastIndex((name) => regular.has(name));
    const firstSidecar = order.findIndex((name) => sidecars.includes(name));
    assert.ok(
      firstSidecar === -1 || firstSidecar > lastRegular,
      "a sidecar stops before a regular container",
    );
    assert.deepEqual(new Set(plan.sandboxIds), new Set(this.sandboxes.map(({ id }) => id)));
    for (const sandbox of this.sandboxes) this.#stopSandbox(sandbox);
    return !wasStopped;
  }

  #stopSandbox(sandbox: Mutable<ObservedSandbox>): void {
    sandbox.isReady = false;
    sandbox.ips = [];
  }

  #updateStatus(observed: ObservedPod, isTerminated: boolean): void {
    const previous = this.status;
    const status = podStatus(this.pod, observed, {
      nowMs: this.nowSeconds * 1000,
      node: { nodeIPs: ["192.0.2.1"], runtimeName: "containerd", runtimeHandlers: {} },
      probes: (id) => this.probes.get(id),
      waiting: this.#waiting,
      terminationMessages: {},
      previous,
      isDeleted: this.isDeleted,
      isTerminated,
    });
    this.status = status;
    if (isTerminalPhase(previous?.phase))
      assert.equal(status.phase, previous.phase, "a terminal phase changes");
    if (isTerminated) assert.ok(isTerminalPhase(status.phase), `${status.phase} after the end`);
    const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    const before = [...(previous?.initContainerStatuses ?? []), ...(previous?.containerStatuses ?? [])];
    for (const { name, restartCount, state, ready, started } of all) {
      const old = before.find((it) => it.name === name);
      assert.ok(restartCount >= (old?.restartCount ?? 0), `${name} has fewer restarts`);
      const newest = observed.containers.find((it) => it.name === name);
      assert.equal(state?.running !== undefined, newest?.state === "running", `${name} runs`);
      assert.equal(Object.keys(state ?? {}).length, 1, `${name} has one state`);
      if (ready && findContainer(this.pod, name)?.kind !== "init") assert.ok(started && state?.running);
    }
    for (const condition of status.conditions ?? []) {
      const old = previous?.conditions?.find(({ type }) => type === condition.type);
      const isSame = old?.status === condition.status;
      const expected = isSame ? old?.lastTransitionTime : new Date(this.nowSeconds * 1000);
      assert.deepEqual(condition.lastTransitionTime, expected, condition.type);
    }
    if (status.phase === "Running" && !isTerminated)
      assert.ok(previous === undefined || !isTerminalPhase(previous.phase));
  }

  /** Notes the sidecars that have started: from then on, they do not hold up others in this sandbox. */
  #noteSidecars(): void {
    for (const { id, name, sandboxId } of this.running()) {
      const found = findContainer(this.pod, name);
      const hasStarted = !found?.container.startupProbe || this.probes.get(id)?.startup === "success";
      if (found?.kind === "sidecar" && hasStarted && sandboxId === this.#active()?.id)
        this.#initialized.add(name);
    }
  }

  /** Keeps the newest instance of each container, and the newest one that exited. */
  #collect(): void {
    const kept = new Set<string>();
    for (const container of this.observe().containers) {
      const keys = [container.name, `${container.name} ${container.state}`];
      if (container.state === "exited" && keys.every((key) => kept.has(key))) this.#remove(container.id);
      for (const key of keys) kept.add(key);
    }
  }

  #active(): ObservedSandbox | undefined {
    return this.sandboxes.find(({ isReady }) => isReady);
  }

  #find(id: string): Mutable<ObservedContainer> | undefined {
    return this.containers.find((it) => it.id === id);
  }

  #remove(id: string): void {
    const container = this.#find(id);
    if (container) this.forget(container);
  }

  #nanos(): bigint {
    return BigInt(this.nowSeconds) * 1_000_000_000n;
  }
}
