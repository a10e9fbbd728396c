// The suite of one runtime. Its daemon is started once, here; each `.cases.ts` file covers one topic.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import {
  isDockerRelease,
  leftovers,
  type RunningRuntimes,
  type RuntimeRelease,
  releaseTitle,
  startRuntimes,
} from "../../scripts/runtimes/index.js";
import { attachCases } from "./attach.cases.js";
import { chaosCases } from "./chaos.cases.js";
import { configCases } from "./configs.cases.js";
import { conformanceCases } from "./conformance.cases.js";
import { copyCases } from "./copy.cases.js";
import { copyRightsCases } from "./copy-rights.cases.js";
import { Coverage } from "./coverage.js";
import { dockershimCases } from "./dockershim.cases.js";
import { docsCases } from "./docs.cases.js";
import { eventCases } from "./events.cases.js";
import { everyRpcCases } from "./every-rpc.cases.js";
import { execCases, execRestartCases } from "./exec.cases.js";
import { hangCases } from "./hang.cases.js";
import { imageCases } from "./images.cases.js";
import { kubeletCases } from "./kubelet.cases.js";
import { kubeletChurnCases } from "./kubelet-churn.cases.js";
import { kubeletHouseCases } from "./kubelet-house.cases.js";
import { kubeletNodeCases } from "./kubelet-node.cases.js";
import { kubeletResizeCases } from "./kubelet-resize.cases.js";
import { kubeletServerCases } from "./kubelet-server.cases.js";
import { kubernetesProbeCases } from "./kubernetes-probes.cases.js";
import { leavingCases } from "./leaving.cases.js";
import { limitCases } from "./limits.cases.js";
import { playedManifestCases } from "./manifests.cases.js";
import { manyPodsCases } from "./many-pods.cases.js";
import { observeCases } from "./observe.cases.js";
import { playCases } from "./play.cases.js";
import { podFilesCases } from "./pod-files.cases.js";
import { podManifestCases } from "./pod-manifests.cases.js";
import { podCases } from "./pods.cases.js";
import { portForwardCases } from "./port-forward.cases.js";
import { preflightCases } from "./preflight.cases.js";
import { proxyCases } from "./proxy.cases.js";
import { quickstartCases } from "./quickstart.cases.js";
import { recordingCases } from "./recordings.cases.js";
import { restartCases } from "./restart.cases.js";
import { restingPodsCases } from "./resting-pods.cases.js";
import { statsCases } from "./stats.cases.js";
import { stopCases } from "./stop.cases.js";
import { openSubject, type Subject } from "./support.js";
import { vocabularyCases } from "./vocabulary.cases.js";

/**
 * Defines all tests for a release of a runtime. Each release has a test file, so a process of its own: most tests wait for their
 * daemon. The releases run one after the other: two at a time would share processors and the folder of logs.
 */
export function runtimeTests(release: RuntimeRelease): void {
  const coverage = new Coverage();
  let running: RunningRuntimes;
  let opened: Subject | undefined;
  const subject = () => {
    if (!opened) throw new Error(`${releaseTitle(release)} did not start`);
    return opened;
  };

  before(
    async () => {
      running = await startRuntimes({ which: [release] });
      for (const runtime of running.runtimes) opened = openSubject(running, runtime, coverage);
    },
    { timeout: 300_000 },
  );

  after(
    async () => {
      await opened?.cri.close();
      await running?.stop();
      if (!running) return;
      assert.deepEqual(leftovers(running.dir), []);
      assert.equal(existsSync(running.dir), false);
      coverage.write(process.env.CRI_SDK_COVERAGE_FOLDER);
    },
    { timeout: 120_000 },
  );

  describe(releaseTitle(release), () => {
    everyRpcCases(subject);
    vocabularyCases(subject);
    statsCases(subject);
    observeCases(subject);
    stopCases(subject);
    limitCases(subject);
    preflightCases(subject);
    execCases(subject);
    attachCases(subject);
    leavingCases(subject);
    portForwardCases(subject);
    kubernetesProbeCases(subject);
    kubeletNodeCases(subject);
    copyCases(subject);
    copyRightsCases(subject);
    imageCases(subject);
    configCases(subject);
    // Each crash takes seconds: all of them run on the newest containerd, and one of each kind on the others.
    podCases(
      subject,
      release === "2.1"
        ? undefined
        : [
            ["run", "during"],
            ["ensure", "after"],
          ],
    );
    podFilesCases(subject);
    podManifestCases(subject);
    conformanceCases(subject);
    proxyCases(subject);
    recordingCases(subject);
    chaosCases(subject);
    restartCases(subject);
    execRestartCases(subject);
    eventCases(subject);
    playCases(subject);
    playedManifestCases(subject);
    kubeletCases(subject);
    // Minutes, in which the older of two engines behind the same shim would show nothing new.
    if (release !== "docker-20.10") {
      manyPodsCases(subject);
      restingPodsCases(subject);
      kubeletChurnCases(subject);
      kubeletServerCases(subject);
      kubeletHouseCases(subject);
      kubeletResizeCases(subject);
    }
    if (isDockerRelease(release)) dockershimCases(subject);
    // What depends on the SDK alone.
    else {
      hangCases(subject);
      docsCases(subject);
      quickstartCases(subject);
    }

    test("every RPC was called", () => {
      assert.deepEqual(coverage.missing(subject().runtime.name), []);
    });
  });
}
