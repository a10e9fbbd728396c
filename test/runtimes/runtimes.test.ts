// The same suite on every runtime. The daemons are started once, here; each cases file holds one theme.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { leftovers, type RunningRuntimes, startRuntimes } from "../../scripts/runtimes/index.js";
import { attachCases } from "./attach.cases.js";
import { configCases } from "./configs.cases.js";
import { conformanceCases } from "./conformance.cases.js";
import { copyCases } from "./copy.cases.js";
import { Coverage } from "./coverage.js";
import { docsCases } from "./docs.cases.js";
import { eventCases } from "./events.cases.js";
import { everyRpcCases } from "./every-rpc.cases.js";
import { execCases, execRestartCases } from "./exec.cases.js";
import { imageCases } from "./images.cases.js";
import { limitCases } from "./limits.cases.js";
import { manyPodsCases } from "./many-pods.cases.js";
import { observeCases } from "./observe.cases.js";
import { podCases } from "./pods.cases.js";
import { portForwardCases } from "./port-forward.cases.js";
import { preflightCases } from "./preflight.cases.js";
import { proxyCases } from "./proxy.cases.js";
import { quickstartCases } from "./quickstart.cases.js";
import { restartCases } from "./restart.cases.js";
import { statsCases } from "./stats.cases.js";
import { stopCases } from "./stop.cases.js";
import { openSubject, type Subject } from "./support.js";
import { vocabularyCases } from "./vocabulary.cases.js";

const releases = ["1.6", "1.7", "2.1"] as const;
const coverage = new Coverage();
let running: RunningRuntimes;
const subjects = new Map<string, Subject>();

before(
  async () => {
    running = await startRuntimes({ which: releases });
    for (const runtime of running.runtimes)
      subjects.set(runtime.release, openSubject(running, runtime, coverage));
  },
  { timeout: 300_000 },
);

after(
  async () => {
    await Promise.all([...subjects.values()].map(({ cri }) => cri.close()));
    await running?.stop();
    if (!running) return;
    assert.deepEqual(leftovers(running.dir), []);
    assert.equal(existsSync(running.dir), false);
    console.log(coverage.table(process.env.CRI_SDK_COVERAGE_FILE));
  },
  { timeout: 120_000 },
);

for (const release of releases) {
  describe(`containerd ${release}`, () => {
    const subject = () => {
      const found = subjects.get(release);
      if (!found) throw new Error(`containerd ${release} did not start`);
      return found;
    };
    everyRpcCases(subject);
    vocabularyCases(subject);
    statsCases(subject);
    observeCases(subject);
    stopCases(subject);
    limitCases(subject);
    preflightCases(subject);
    execCases(subject);
    attachCases(subject);
    portForwardCases(subject);
    copyCases(subject);
    imageCases(subject);
    configCases(subject);
    // Each crash takes seconds: all of them on the newest, and each kind once elsewhere.
    podCases(
      subject,
      release === "2.1"
        ? undefined
        : [
            ["run", "during"],
            ["ensure", "after"],
          ],
    );
    manyPodsCases(subject);
    conformanceCases(subject);
    proxyCases(subject);
    restartCases(subject);
    execRestartCases(subject);
    eventCases(subject);
    docsCases(subject);
    quickstartCases(subject);

    test("every RPC was called", () => {
      assert.deepEqual(coverage.missing(subject().runtime.name), []);
    });
  });
}
