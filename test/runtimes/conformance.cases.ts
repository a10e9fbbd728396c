import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Cri, connect } from "../../src/index.js";
import {
  type ConformanceReport,
  conformanceCases as cases,
  runConformance,
  shellCommands,
} from "../../src/testing/conformance/index.js";
import type { Subject } from "./support.js";

/** The SDK's conformance suite: each runtime has exactly its known deviations. */
export function conformanceCases(subject: () => Subject): void {
  describe("conformance", () => {
    let cri: Cri;
    let report: ConformanceReport;

    // The suite runs its cases concurrently, so it runs once, and each test checks one result.
    before(
      async () => {
        const { running, runtime } = subject();
        const { busybox: main, busybox2: sameImage, tiny: other } = running.images;
        const missing = `localhost:${running.registry.port}/cri-sdk/none:1`;
        cri = connect.lazy(runtime.endpoint, { normalize: false });
        report = await runConformance(
          {
            cri,
            images: { main, sameImage, other, missing },
            commands: shellCommands,
            directory: `${running.dir}/conformance-${runtime.release}`,
            cgroupParent: `${running.cgroupParent}/conformance`,
          },
          { timeoutMs: 120_000 },
        );
      },
      { timeout: 400_000 },
    );
    after(() => cri?.close());

    for (const { id, title } of cases)
      test(`${id}: ${title}`, () => {
        const result = report.results.find((one) => one.id === id);
        assert.ok(result, "the case was not run");
        const { outcome, failure, deviation } = result;
        assert.notEqual(outcome, "failed", failure);
        assert.notEqual(outcome, "unexpected-pass", `passed despite the known deviation: ${deviation}`);
      });

    test("the suite leaves no sandbox and no container behind", async () => {
      const { containers } = await cri.runtime.listContainers();
      const { items } = await cri.runtime.listPodSandbox();
      const remaining = [...items, ...containers].filter(({ labels }) => "cri-sdk.conformance" in labels);
      assert.deepEqual(remaining, []);
    });
  });
}
