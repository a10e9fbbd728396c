// Every program of the README and of docs/ runs against a real runtime, and prints what its comments say.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sampleImage } from "../docs/on-embedded.js";
import { samples } from "../docs/pages.js";
import { Workshop } from "../docs/workshop.js";
import type { Subject } from "./support.js";

export function docsCases(subject: () => Subject): void {
  // Those that bring a runtime of their own need no other.
  const chosen = samples().filter(({ text }) => !text.includes('from "cri-sdk/testing"'));
  describe("the programs of the pages", () => {
    let workshop: Workshop;
    before(async () => {
      workshop = await Workshop.open(chosen);
    });
    after(() => workshop[Symbol.dispose]());

    for (const sample of chosen)
      test(`the program at ${sample.page}:${sample.line}`, { timeout: 60_000 }, async () => {
        const { running, runtime, cri } = subject();
        const before = await cri.lists.podSandboxes().collect();
        // The one thing changed in a sample: test runtimes pull from a registry of their own.
        const changes = new Map([[sampleImage, running.images.busybox]]);
        const env = { CONTAINER_RUNTIME_ENDPOINT: runtime.endpoint };
        assert.equal(await workshop.run(sample, { changes, env }), undefined);
        const left = await cri.lists.podSandboxes().collect();
        assert.deepEqual(
          left.map(({ id }) => id).sort(),
          before.map(({ id }) => id).sort(),
          "the sample left a pod behind",
        );
      });
  });
}
