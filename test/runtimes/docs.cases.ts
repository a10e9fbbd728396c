// Runs the programs of the README and of docs/ against a real runtime; their output must match their comments.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sampleImage } from "../support/docs/on-embedded.js";
import { samples } from "../support/docs/pages.js";
import { Workshop } from "../support/docs/workshop.js";
import type { Subject } from "./support.js";

export function docsCases(subject: () => Subject): void {
  // Programs that start the embedded runtime do not need a real one.
  const chosen = samples().filter(({ text }) => !text.includes('from "cri-sdk/testing"'));
  describe("the programs of the docs", () => {
    let workshop: Workshop;
    before(async () => {
      workshop = await Workshop.open(chosen);
    });
    after(() => workshop[Symbol.dispose]());

    for (const sample of chosen)
      test(`the program at ${sample.page}:${sample.line}`, { timeout: 60_000 }, async () => {
        const { running, runtime, cri } = subject();
        const before = await cri.lists.podSandboxes().collect();
        // Only the image is replaced: test runtimes pull from their own registry.
        const changes = new Map([[sampleImage, running.images.busybox]]);
        const env = { CONTAINER_RUNTIME_ENDPOINT: runtime.endpoint };
        assert.equal(await workshop.run(sample, { changes, env }), undefined);
        const remaining = await cri.lists.podSandboxes().collect();
        assert.deepEqual(
          remaining.map(({ id }) => id).sort(),
          before.map(({ id }) => id).sort(),
          "the sample left a pod behind",
        );
      });
  });
}
