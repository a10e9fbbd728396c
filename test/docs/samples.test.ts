// Every program of the README and of docs/ compiles, and runs on the embedded runtime; its comments say what it prints.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";
import { changesFor, imagePrograms, like, sampleImage } from "./on-embedded.js";
import { type Fence, samples } from "./pages.js";
import { Workshop } from "./workshop.js";

/** One that must not compile, so that it is seen that the others were looked at. */
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

  test("they compile, and what is wrong would be seen", () => {
    const ofWrong = (problem: string) => problem.startsWith("wrong-7.ts(8,9): error TS");
    assert.deepEqual(
      workshop.problems.filter((problem) => !ofWrong(problem)),
      [],
    );
    assert.equal(workshop.problems.filter(ofWrong).length, 1);
  });

  for (const sample of samples())
    test(`${sample.page}:${sample.line} runs`, { timeout: 60_000 }, async (t) => {
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
      assert.deepEqual(pods, [], "the sample left a pod behind");
    });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address && typeof address === "object" ? resolve(address.port) : reject()));
    });
  });
}
