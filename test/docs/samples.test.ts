// Compiles every program of the README and of docs/, and runs it on the embedded runtime. Its comments are the expected output.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime, type RuntimeLike } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { changesFor, imagePrograms, likesOf, sampleImage } from "../support/docs/on-embedded.js";
import { type Fence, samples } from "../support/docs/pages.js";
import { Workshop } from "../support/docs/workshop.js";
import { freePort } from "../support/free-port.js";
import { tempFolder } from "../support/temp.js";

/** Must not compile: shows that the samples are checked at all. */
const wrong: Fence = {
  ...{ page: "wrong.md", line: 7, language: "ts" },
  text: 'import { connect } from "cri-sdk";\nconnect(1);\n',
};

describe("the programs of the pages", { concurrency: 3 }, () => {
  let workshop: Workshop;
  before(async () => {
    workshop = await Workshop.open([...samples(), wrong]);
  });
  after(() => workshop[Symbol.dispose]());

  test("they compile, and a wrong one does not", () => {
    const ofWrong = (problem: string) => problem.startsWith("wrong-7.ts(8,9): error TS");
    assert.deepEqual(
      workshop.problems.filter((problem) => !ofWrong(problem)),
      [],
    );
    assert.equal(workshop.problems.filter(ofWrong).length, 1);
  });

  for (const sample of samples())
    test(`${sample.page}:${sample.line} runs`, { timeout: 90_000 * likesOf(sample).length }, async (t) => {
      // One after the other: pods of the same uid share their logs on this host.
      for (const like of likesOf(sample))
        await t.test(`like ${like}`, { timeout: 90_000 }, (t) => runSample(t, workshop, sample, like));
    });
});

async function runSample(
  t: TestContext,
  workshop: Workshop,
  sample: Fence,
  like: RuntimeLike,
): Promise<void> {
  const folder = await tempFolder(t);
  const path = [imagePrograms, dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"];
  const runtime = await EmbeddedRuntime.start({
    socket: join(folder, "cri.sock"),
    images: [{ names: [sampleImage], env: { PATH: path.join(":") }, cmd: ["sh"] }],
    preload: [sampleImage],
    like,
  });
  cleanup(t, () => runtime.close());
  const problem = await workshop.run(sample, {
    env: { CONTAINER_RUNTIME_ENDPOINT: runtime.endpoint ?? "", TMPDIR: folder },
    changes: changesFor(folder, await freePort()),
  });
  assert.equal(problem, undefined);
  const pods = await connect.through(runtime).lists.podSandboxes().collect();
  assert.deepEqual(pods, [], "the sample has not removed its pods");
}
