import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createContainer, type Plan } from "../programs/crash-plan.js";
import { startProgram } from "../programs.js";
import { within } from "../waiting.js";
import { type PodSubject, type Stage, stage } from "./subject.js";

/** More RPCs than any plan needs, so that a loop without end fails. */
const maxRpcs = 30;

/** What the program creates, and when it is killed: while an RPC is in flight, or after its response. */
export type Crash = readonly [how: Plan["how"], moment: "during" | "after"];

const allCrashes: readonly Crash[] = [
  ["run", "during"],
  ["run", "after"],
  ["ensure", "during"],
  ["ensure", "after"],
];

/**
 * Kills a program at each of its RPCs in turn. A second run with the same spec must end with one pod and one running container, and
 * with nothing once these are removed.
 */
export function crashCases(
  subject: () => PodSubject & { readonly endpoint: string },
  crashes: readonly Crash[] = allCrashes,
): void {
  for (const [how, moment] of crashes)
    test(`${how}: killed ${moment} any RPC, a second run succeeds`, async () => {
      let rpc = 1;
      let killed = true;
      for (; killed && rpc < maxRpcs; rpc++) {
        await using it = stage(subject());
        const plan: Plan = {
          how,
          pods: { owner: it.owner, logRoot: `${subject().logRoot}/${it.owner}` },
          name: `crash-${it.owner}`,
          image: subject().image,
          command: subject().commands.run,
        };
        killed = await crash({ ...plan, endpoint: subject().endpoint, rpc, moment });
        await secondRun(it, plan, `${how}, killed ${moment} RPC ${rpc}`);
      }
      assert.ok(rpc > 5, "the program ended after fewer than five RPCs");
      assert.ok(!killed, "the program never ran to its end");
    });
}

async function crash(
  plan: Plan & { readonly endpoint: string; readonly rpc: number; readonly moment: string },
) {
  const child = startProgram("crash-at.ts", [JSON.stringify(plan)]);
  try {
    const [code, signal] = await within(60_000, once(child, "exit"), "the program");
    assert.ok(code === 0 || signal === "SIGKILL", `the program ended with ${code ?? signal}`);
    return signal === "SIGKILL";
  } finally {
    child.kill("SIGKILL");
  }
}

async function secondRun(it: Stage, plan: Plan, what: string): Promise<void> {
  const container = await within(60_000, createContainer(it.cri, plan), what);
  const pods = await it.cri.pods.list({ owner: it.owner });
  assert.deepEqual(
    pods.map(({ id }) => id),
    [container.pod.id],
    `${what}: pods`,
  );
  const containers = await it.cri.containers.list({ owner: it.owner });
  assert.deepEqual(
    containers.map(({ id }) => id),
    [container.id],
    `${what}: containers`,
  );
  assert.equal((await container.wait({ until: "running", timeoutMs: 20_000 })).state, "running", what);
  await container.pod.remove();
  assert.deepEqual(await it.leftovers(), [], what);
}
