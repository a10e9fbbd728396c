// Programs that run, ensure, wait for and remove pods while the runtime has faults.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import {
  type ContainerSpec,
  type Cri,
  isCriError,
  type Leftover,
  type Pod,
  type PodSpec,
} from "../../../src/index.js";
import type { ConformanceCommands } from "../../../src/testing/index.js";
import type { RpcTransport } from "../../../src/transport/index.js";
import { busybox, scripted } from "../embedded.js";
import { SeededRandom } from "../random.js";
import { scriptedCommands } from "../scripted-programs.js";
import { tempFolder } from "../temp.js";
import { until, within } from "../waiting.js";
import { faultyClient } from "./client.js";
import { harshPlan } from "./harsh-plan.js";
import { likeOf } from "./likes.js";
import { faultLine } from "./report.js";

/** A runtime to run pods on. */
export interface PodsChaosNode {
  /** A client without faults. */
  readonly cri: Cri;
  readonly transport: RpcTransport;
  readonly image: string;
  readonly commands: Pick<ConformanceCommands, "run" | "exit">;
  /** The time for one operation, in milliseconds. */
  readonly timeoutMs: number;
  /** Returns the calls to the runtime about a pod, to explain a failure. */
  readonly callsOf?: (uid: string) => string;
}

/** How large the test is. */
export interface PodsChaosPlan {
  /** The number of programs that work at the same time. */
  readonly lanes: number;
  /** The number of pods that each of them runs. */
  readonly pods: number;
  readonly seed?: number;
}

/** An embedded runtime, like one of the real ones. Calls that hang do not take minutes. */
export async function embeddedNode(t: TestContext, random: SeededRandom): Promise<PodsChaosNode> {
  const { runtime, cri } = await scripted(t, { like: likeOf(random), callLimit: 1_000_000 });
  const text = (value: unknown) =>
    JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one));
  const callsOf = (uid: string) => {
    const ids = new Set([uid]);
    return runtime.calls.all
      .filter(({ request, responses, method }) => {
        if (/list|stream|Events/i.test(method)) return false;
        const all = text([request, responses]);
        if (![...ids].some((id) => all.includes(id))) return false;
        for (const [, id = ""] of text(responses).matchAll(
          /"(?:podSandboxId|containerId)":"([0-9a-f]{64})"/g,
        ))
          ids.add(id);
        return true;
      })
      .map(
        ({ method, startedAt, durationNanos, error }) =>
          `${startedAt / 1_000_000n} ${method} ${(durationNanos ?? 0n) / 1_000_000n} ms ${error?.rawMessage ?? "ok"}`,
      )
      .join("\n");
  };
  return {
    callsOf,
    cri,
    transport: runtime.transport,
    image: busybox,
    commands: scriptedCommands,
    timeoutMs: 4_000,
  };
}

/**
 * Runs and ensures pods on a runtime with faults. Every call ends with a result that is true, or with a CriError. When the faults end,
 * nothing exists twice, and nothing is left but what errors have listed. Returns the number of faults.
 */
export async function checkPodsUnderChaos(
  t: TestContext,
  plan: PodsChaosPlan,
  nodeFor: (t: TestContext, random: SeededRandom) => Promise<PodsChaosNode> = embeddedNode,
): Promise<number> {
  const random = new SeededRandom(plan.seed);
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const node = await nodeFor(t, random);
  const { cri } = node;
  const folder = await tempFolder(t);
  const logRoot = join(folder, "logs");
  const owner = `chaos-${random.seed}`;
  const { proxy, faulty, records } = await faultyClient(t, node.transport, {
    socket: join(folder, "chaos.sock"),
    seed: String(random.seed),
    plan: harshPlan(),
    client: { pods: { owner, logRoot } },
  });
  const objects = () => objectsOf(cri, owner);
  const run = new PodsRun(faulty, node);
  const lanes = Array.from({ length: plan.lanes }, (_, lane) =>
    run.lane(lane, plan.pods, new SeededRandom(random.below(2 ** 31))),
  );
  await within(240_000, Promise.all(lanes), "all lanes");
  t.diagnostic(faultLine(proxy));
  t.diagnostic(
    `${run.done} operations succeeded, ${run.failures.size} kinds of errors: ${[...run.failures].map(([what, count]) => `${what} ${count}`).join(", ")}`,
  );
  await proxy.pause();
  assert.deepEqual(run.problems, []);
  await run.checkEnsured(plan.lanes);

  // What has not been removed is listed in an error, or removed in the background.
  const unlisted = async () =>
    (await objects()).filter(({ id, name, podId }) => !run.isLeftover(id, name, podId));
  let left: unknown;
  const isEmpty = async () => {
    left = await unlisted();
    return (left as unknown[]).length === 0;
  };
  await until(isEmpty, "nothing is left", 60_000).catch(() => {
    const names = (left as { readonly name: string }[]).map(({ name }) => name);
    t.diagnostic(
      JSON.stringify(
        records.filter(({ podName = "" }) => names.includes(podName)),
        undefined,
        2,
      ),
    );
    assert.deepEqual(left, []);
  });
  // A new connection finds the rest.
  await within(60_000, run.removeAll(), "removeAll()");
  assert.deepEqual(await objects(), []);
  // The logs of a pod that an error has listed as left over stay, if it is gone by then.
  const logs = (existsSync(logRoot) ? readdirSync(logRoot) : []).filter((name) => !run.hasLeftover(name));
  for (const one of logs) {
    const uid = one.replace(/^.*_/, "");
    const files = readdirSync(join(logRoot, one), { recursive: true });
    t.diagnostic(
      JSON.stringify({ one, files, records: records.filter((r) => JSON.stringify(r).includes(uid)) }),
    );
    t.diagnostic(`${node.callsOf?.(uid)}`);
    t.diagnostic(run.log.filter((line) => line.includes(one.split("_")[1] ?? "")).join("\n"));
  }
  assert.deepEqual(logs, []);
  return proxy.total;
}

/** Returns the pods and containers of an owner. */
async function objectsOf({ runtime }: Cri, owner: string) {
  const labelSelector = { "cri-sdk/owner": owner };
  const { items } = await runtime.listPodSandbox({ filter: { labelSelector } });
  const { containers } = await runtime.listContainers({ filter: { labelSelector } });
  return [
    ...items.map(({ id, metadata }) => ({ id, name: metadata?.name ?? "", podId: id })),
    ...containers.map(({ id, metadata, podSandboxId }) => ({
      ...{ id, name: metadata?.name ?? "", podId: podSandboxId },
    })),
  ];
}

class PodsRun {
  readonly problems: string[] = [];
  readonly failures = new Map<string, number>();
  done = 0;
  /** What was done, and how it ended. */
  readonly log: string[] = [];
  readonly #faulty: Cri;
  readonly #node: PodsChaosNode;
  readonly #leftovers: Leftover[] = [];

  constructor(faulty: Cri, node: PodsChaosNode) {
    this.#faulty = faulty;
    this.#node = node;
  }

  async lane(lane: number, count: number, random: SeededRandom): Promise<void> {
    for (let n = 0; n < count; n++) {
      const kind = random.of("run", "run", "abort", "restart", "ensure", "shared", "sweep");
      const name = `${kind}-${lane}-${n}`;
      if (kind === "run") await this.#runOnce(name, random.below(4));
      else if (kind === "abort") await this.#abort(name, random.below(300));
      else if (kind === "restart") await this.#restart(name);
      else if (kind === "shared") await this.#ensure("shared", 0);
      else if (kind === "ensure") await this.#ensure(`ensure-${lane}`, random.below(2));
      else await this.#attempt("sweep", () => this.#faulty.sweep({}));
    }
    await this.#ensure(`ensure-${lane}`, 0, 40);
    await this.#ensure("shared", 0, 40);
  }

  /** Runs a container to its end, and removes its pod. */
  async #runOnce(name: string, code: number): Promise<void> {
    const pod = await this.#attempt("run", () =>
      this.#faulty.pods.run({ name }, { timeoutMs: this.#node.timeoutMs }),
    );
    if (!pod) return;
    const spec = this.#mainOf(this.#node.commands.exit(code));
    const container = await this.#attempt("runContainer", () =>
      pod.runContainer(spec, { timeoutMs: this.#node.timeoutMs }),
    );
    if (container) {
      const end = await this.#attempt("wait", () => container.wait({ timeoutMs: this.#node.timeoutMs }));
      if (end && end.exitCode !== code)
        this.problems.push(`${name}: exit code ${end.exitCode} instead of ${code}`);
    }
    await this.#remove(pod);
  }

  /** Runs a pod, and cancels the call. */
  async #abort(name: string, afterMs: number): Promise<void> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), afterMs);
    const { timeoutMs } = this.#node;
    const options = { signal: stop.signal, timeoutMs };
    const container = await this.#attempt(
      "abort",
      () => this.#faulty.pods.runContainer({ name }, this.#mainOf(this.#node.commands.run), options),
      name,
    );
    clearTimeout(timer);
    if (container) await this.#remove(container.pod);
  }

  /** Restarts a container: one runs, with the next attempt. */
  async #restart(name: string): Promise<void> {
    const { timeoutMs } = this.#node;
    const first = await this.#attempt("run", () =>
      this.#faulty.pods.runContainer({ name }, this.#mainOf(this.#node.commands.run), { timeoutMs }),
    );
    if (!first) return;
    const next = await this.#attempt("restart", () => first.restart({ timeoutMs, gracePeriodMs: 0 }));
    if (next) {
      const { containers } = await this.#node.cri.runtime.listContainers({
        filter: { podSandboxId: first.pod.id },
      });
      const found = containers.map(({ id, state }) => `${id === next.id ? "next" : id} ${state}`);
      if (found.join() !== `next ${ContainerState.CONTAINER_RUNNING}`)
        this.problems.push(`${name}: restart() resolved, and there are ${found.join()}`);
    }
    await this.#remove(first.pod);
  }

  /** Removes a pod: once the call resolves, it is gone. */
  async #remove(pod: Pod): Promise<void> {
    for (let tries = 0; tries < 40; tries++) {
      const removed = await this.#attempt("remove", async () => {
        await pod.remove({ timeoutMs: this.#node.timeoutMs });
        return true;
      });
      if (!removed) continue;
      const { items } = await this.#node.cri.runtime.listPodSandbox({ filter: { id: pod.id } });
      if (items.length > 0) this.problems.push(`${pod.name}: remove() resolved, and the pod exists`);
      return;
    }
    this.problems.push(`${pod.name}: could not be removed in 40 attempts`);
  }

  async #ensure(name: string, version: number, tries = 1): Promise<void> {
    const spec: PodSpec = { name, labels: { version: String(version) } };
    for (let n = 0; n < tries; n++) {
      const done = await this.#attempt("ensure", async () => {
        const { pod } = await this.#faulty.pods.ensure(spec, { timeoutMs: this.#node.timeoutMs });
        const { container } = await pod.ensureContainer(this.#mainOf(this.#node.commands.run), {
          timeoutMs: this.#node.timeoutMs,
        });
        return container;
      });
      if (done) return;
    }
    if (tries > 1) this.problems.push(`${name}: not ensured in ${tries} attempts`);
  }

  /** Exactly one pod and one running container exist for each lane. */
  async checkEnsured(lanes: number): Promise<void> {
    const { items } = await this.#node.cri.runtime.listPodSandbox({});
    const { containers } = await this.#node.cri.runtime.listContainers({});
    for (const name of ["shared", ...Array.from({ length: lanes }, (_, lane) => `ensure-${lane}`)]) {
      const pods = items.filter(({ metadata }) => metadata?.name === name);
      const running = containers.filter(
        ({ podSandboxId, state }) =>
          pods.some(({ id }) => id === podSandboxId) && state === ContainerState.CONTAINER_RUNNING,
      );
      assert.deepEqual([pods.length, running.length], [1, 1], name);
      const { pod, outcome } = await this.#faulty.pods.ensure({
        name,
        labels: { version: "0" },
      });
      assert.equal(outcome, "adopted");
      assert.equal((await pod.ensureContainer(this.#mainOf(this.#node.commands.run))).outcome, "adopted");
      await pod.remove();
    }
  }

  /** Whether an error has listed an object, or the pod that it is in. */
  isLeftover(id: string, name: string, podId: string): boolean {
    return this.#leftovers.some((one) =>
      one.id === undefined ? one.name.endsWith(name) : one.id === id || one.id === podId,
    );
  }

  /** Whether an error has listed the pod of a log directory. */
  hasLeftover(directory: string): boolean {
    return this.#leftovers.some(({ name }) => directory.startsWith(`${name.replace("/", "_")}_`));
  }

  async removeAll(): Promise<void> {
    for (const pod of await this.#faulty.pods.list()) await pod.remove();
  }

  async #attempt<T>(what: string, work: () => Promise<T>, name = ""): Promise<T | undefined> {
    try {
      this.log.push(`${Date.now()} ${what} ${name}`);
      const result = await within(60_000, work(), what);
      this.done++;
      return result;
    } catch (error) {
      if (!isCriError(error)) {
        this.problems.push(`${what}: ${error instanceof Error ? error.stack : error}`);
        return undefined;
      }
      this.#leftovers.push(...error.leftovers);
      this.log.push(
        `${Date.now()} ${what} ${name}: ${error.message} ${error.leftovers.map(({ kind, name: one, error: why }) => `${kind} ${one} ${why}`)}`,
      );
      await pause(50);
      const kind = `${what}:${error.reason}`;
      this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
      return undefined;
    }
  }

  #mainOf(command: readonly string[]): ContainerSpec {
    return { name: "main", image: this.#node.image, command };
  }
}
