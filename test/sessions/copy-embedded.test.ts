import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { failure } from "../support/failure.js";
import { temporaryFolder } from "./support.js";

const image = "docker.io/library/busybox:1.37";

test("copies keep modes, times and contents on the embedded runtime", async (t) => {
  const folder = temporaryFolder(t);
  await using runtime = await EmbeddedRuntime.start({ preload: [image] });
  await using cri = connect.through(runtime);
  await using pod = await cri.pods.run({ name: "copy" });
  const container = await pod.runContainer({ name: "main", image, command: ["sleep", "600"] });
  const from = join(folder, "from");
  mkdirSync(join(from, "d"), { recursive: true });
  writeFileSync(join(from, "d/file"), "here");
  chmodSync(join(from, "d/file"), 0o466);
  utimesSync(join(from, "d/file"), new Date(0), new Date(-5_000));
  chmodSync(join(from, "d"), 0o555);
  for (const side of ["to", "back"])
    for (let round = 0; round < 2; round++) {
      if (side === "to") await container.copyTo(from, join(folder, side));
      else await container.copyFrom(from, join(folder, side));
      const { mode, mtimeMs } = statSync(join(folder, side, "d/file"));
      assert.deepEqual([mode & 0o7777, mtimeMs], [0o466, -5_000], side);
      assert.equal(statSync(join(folder, side, "d")).mode & 0o7777, 0o555);
    }
  await container.copyTo("/proc/version", join(folder, "version"));
  await container.copyFrom("/proc/version", join(folder, "version-back"));
  for (const name of ["version", "version-back"])
    assert.equal(readFileSync(join(folder, name), "utf8"), readFileSync("/proc/version", "utf8"));
  await failure(container.copyFrom("/proc/version", join(folder, "new/")), "invalid_request");
});
