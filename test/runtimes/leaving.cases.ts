import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { connect as netConnect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Cri, isCriError } from "../../src/index.js";
import { SeededRandom } from "../support/random.js";
import { within } from "../support/waiting.js";
import { eventually, type Pod, runPod, type Subject } from "./support.js";

const print = "while :; do echo out; echo err >&2; sleep 0.02; done";
const port = 7_070;
const serve = `while :; do echo hello | nc -l -p ${port}; done`;
const transports = ["spdy", "websocket"] as const;
const containerCount = 4;
/** A session starts within a few milliseconds of its connection; sessions are left up to this long after it. */
const latestMs = 8;

/** A session that is opened and then left. */
interface Plan {
  readonly opening: "attach" | "exec" | "port-forward";
  readonly leaving: "abort" | "deadline" | "close" | "detach";
  readonly transport: (typeof transports)[number];
  readonly afterMs: number;
  readonly reads: boolean;
}

/** Cases for sessions that are left at any moment, which must not harm the container. */
export function leavingCases(subject: () => Subject): void {
  for (const transport of transports) {
    test(`${transport}: an attach that is left at any moment does not block the container`, async (t) => {
      const pod = await runPod(subject(), `leaving-${transport}`);
      const containers: string[] = [];
      for (let index = 0; index < containerCount; index++)
        containers.push(await pod.container(["sh", "-c", print]));
      const random = seeded(t);
      await leaveSessions(500, 20, () => {
        const containerId = containers[random.below(containerCount)] ?? "";
        return leave(subject().cri, randomPlan(random, "attach", transport), pod, containerId);
      });

      for (const [index, containerId] of containers.entries()) {
        const file = join(pod.sandboxConfig.logDirectory, `c${index}`, "0.log");
        const before = (await stat(file)).size;
        await eventually(`the log of container ${index} grows`, async () => (await stat(file)).size > before);
        await subject().cri.runtime.stopContainer({ containerId, timeout: 0n }, { timeoutMs: 30_000 });
      }
      await pod[Symbol.asyncDispose]();
    });

    test(`${transport}: exec and port-forward that are left at any moment do not block the pod`, async (t) => {
      const { cri } = subject();
      const pod = await runPod(subject(), `left-${transport}`);
      const containerId = await pod.container(["sh", "-c", serve]);
      const random = seeded(t);
      // containerd 1.6 becomes slow with more than 16 concurrent commands, and a command that was left may continue.
      await leaveSessions(40, 3, () => leave(cri, randomPlan(random, "exec", transport), pod, containerId));
      await leaveSessions(100, 20, () =>
        leave(cri, randomPlan(random, "port-forward", transport), pod, containerId),
      );

      assert.equal(
        (await cri.runCommand(containerId, ["echo", "hello"], { timeoutMs: 120_000 })).stdout,
        "hello\n",
      );
      await cri.runtime.stopContainer({ containerId, timeout: 0n }, { timeoutMs: 30_000 });
      await pod[Symbol.asyncDispose]();
    });
  }
}

function seeded(t: TestContext): SeededRandom {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  return random;
}

function randomPlan(random: SeededRandom, opening: Plan["opening"], transport: Plan["transport"]): Plan {
  const leaving = random.of("abort", "abort", "deadline", "close", "detach");
  return { opening, leaving, transport, afterMs: random.next() * latestMs, reads: random.next() < 0.5 };
}

/** Opens and leaves `count` sessions, at most `concurrency` at a time. */
async function leaveSessions(
  count: number,
  concurrency: number,
  leaveNext: () => Promise<void>,
): Promise<void> {
  let started = 0;
  const work = async () => {
    while (started++ < count) await within(20_000, leaveNext(), "a session that was left");
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}

async function leave(cri: Cri, plan: Plan, { podSandboxId }: Pod, containerId: string): Promise<void> {
  const { opening, leaving, transport, afterMs, reads } = plan;
  const controller = new AbortController();
  const dial = ({ hostname, port }: URL) =>
    netConnect(Number(port), hostname, () => {
      if (leaving === "abort") setTimeout(() => controller.abort(), afterMs);
    });
  const timeoutMs = leaving === "deadline" ? 5 + 4 * afterMs : undefined;
  const options = { transport, dial, signal: controller.signal, timeoutMs };
  try {
    if (opening === "port-forward") {
      await using forward = cri.portForward(podSandboxId, options);
      const connection = await forward.connect(port);
      if (reads) connection.resume();
      await pause(afterMs / 2);
      return;
    }
    const session =
      opening === "attach"
        ? await cri.attach(containerId, options)
        : await cri.exec(containerId, ["echo", "hello"], options);
    if (reads) for (const output of [session.stdout, session.stderr]) output?.resume();
    if (afterMs > 1) await pause(afterMs / 4);
    if (leaving === "close") await session.close();
    if (leaving === "detach") await session.detach();
    await session.ended;
  } catch (error) {
    assert.ok(isCriError(error), String(error));
  }
}
