import assert from "node:assert/strict";
import { test } from "node:test";
import { shellCommands } from "../../src/testing/conformance/commands.js";
import { checkLeaks } from "../support/leaks.js";
import { openEndpoint, stage } from "../support/pod-cases/subject.js";
import type { Subject } from "./support.js";

/** Cases for many concurrent pods; no resource remains on the node or in this process. */
export function manyPodsCases(subject: () => Subject): void {
  test("pods with two containers are run, waited for and removed, eight concurrently", async (t) => {
    const { running, runtime } = subject();
    // On a busy machine, 60 pods take a minute on 2.1 and much longer on 1.6.
    const count = runtime.release === "2.1" ? 60 : 8;
    checkLeaks(t);
    await using it = stage({
      open: openEndpoint(runtime.endpoint),
      image: running.images.busybox,
      missingImage: "",
      commands: shellCommands,
      logRoot: `${running.dir}/pod-logs`,
      reportsConfig: true,
    });
    await it.cri.images.ensure(running.images.busybox);
    const container = (name: string, code: number) => ({
      name,
      image: running.images.busybox,
      command: shellCommands.exit(code),
    });
    const before = process.cpuUsage();
    const startedAt = performance.now();
    let next = 0;
    const worker = async () => {
      for (let n = next++; n < count; n = next++) {
        await using pod = await it.cri.pods.run(it.pod(`many-${n}`));
        const [first, second] = await Promise.all([
          pod.runContainer(container("first", 0)),
          pod.runContainer(container("second", 3)),
        ]);
        const codes = await Promise.all([first, second].map((one) => one.wait({ timeoutMs: 60_000 })));
        assert.deepEqual(
          codes.map(({ exitCode }) => exitCode),
          [0, 3],
        );
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    const elapsedMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(before);
    assert.deepEqual(await it.leftovers(), []);
    const share = ((user + system) / 1_000 / elapsedMs) * 100;
    t.diagnostic(
      `${count} pods in ${(elapsedMs / 1000).toFixed(1)} s; this process used ${share.toFixed(1)} % of one CPU`,
    );
  });
}
