import assert from "node:assert/strict";
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Cri, connect } from "../../../src/index.js";
import { recording, replaying } from "../../../src/testing/index.js";
import type { RpcTransport } from "../../../src/transport.js";
import { checkout } from "../checkout.js";
import { runScenario, type ScenarioPlace, scenarioVarying } from "./scenario.js";

const folder = join(checkout, "test", "testing", "recording", "recordings");

/** The committed recordings by the name of their runtime. */
export function committedRecordings(): ReadonlyMap<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  return new Map(names.map((name) => [basename(name, ".jsonl"), join(folder, name)]));
}

/**
 * Records the scenario on a runtime, runs it again on the recording, and compares that with the committed one: each RPC must have the same
 * kinds of outcomes. With CRI_SDK_RECORD=1 it replaces the committed one.
 */
export async function checkRecording(
  runtime: string,
  transport: RpcTransport,
  place: ScenarioPlace,
  dir: string,
): Promise<void> {
  const file = join(dir, `${runtime}.jsonl`);
  {
    await using recorder = recording(transport, file, { sessions: true, logs: true });
    const cri = connect.through(recorder);
    await runScenario(cri, place);
    await cri.close();
  }
  await replayScenario(file, place.commands, dir);
  const committed = join(folder, `${runtime}.jsonl`);
  if (process.env.CRI_SDK_RECORD === "1") copyFileSync(file, committed);
  const renew = "CRI_SDK_RECORD=1 npm run test:runtimes renews the recordings";
  assert.ok(existsSync(committed), `${runtime} has no recording: ${renew}`);
  assert.deepEqual(
    outcomes(file),
    outcomes(committed),
    `the recording of ${runtime} is out of date: ${renew}`,
  );
}

/** Runs the scenario on a recording, with names and folders that differ from the recorded ones. */
export async function replayScenario(
  file: string,
  commands: ScenarioPlace["commands"],
  dir: string,
): Promise<void> {
  await using replay = replaying(file, { varying: scenarioVarying });
  const cri: Cri = connect.through(replay);
  const uid = "00000000-0000-4000-8000-000000000000";
  const image = "registry.example/busybox:replayed";
  try {
    await runScenario(cri, {
      image,
      uid,
      logDirectory: join(dir, "logs"),
      cgroupParent: "/replayed",
      commands,
    });
  } finally {
    await cri.close();
  }
  replay.assertReplayed();
}

/** The kinds of outcomes of each RPC. How often the scenario polls differs from run to run. */
function outcomes(file: string): string[] {
  const rpcs = new Map<number, string>();
  const found = new Set<string>();
  for (const text of readFileSync(file, "utf8").split("\n").slice(1)) {
    if (text === "") continue;
    const { call, rpc, error, response, end }: Record<string, unknown> = JSON.parse(text);
    if (typeof rpc === "string") rpcs.set(Number(call), rpc);
    const name = rpcs.get(Number(call));
    if (error) found.add(`${name} ${(error as { code: string }).code}`);
    else if (response) found.add(`${name} ok`);
    else if (end && call) found.add(`${name} ${end}`);
  }
  return [...found].sort();
}
