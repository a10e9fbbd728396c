import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../../src/index.js";
import { knownDeviations, runConformance, shellCommands } from "../../../src/testing/conformance/index.js";
import { EmbeddedRuntime } from "../../../src/testing/embedded/embedded-runtime.js";
import { cleanup } from "../../support/cleanup.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";
import { programs, scriptedCommands } from "./programs.js";

const images = {
  main: "docker.io/library/busybox:1.37",
  sameImage: "quay.io/prometheus/busybox:latest",
  other: "docker.io/library/alpine:3.22",
  missing: "docker.io/library/busybox:no-such-tag",
};

for (const driver of ["scripted", "host"] as const)
  for (const way of ["memory", "socket"])
    test(`${driver}, ${way}: keeps the rules of CRI`, { timeout: 180_000 }, async (t) => {
      checkLeaks(t);
      const directory = await tempFolder(t);
      const runtime = await EmbeddedRuntime.start({
        ...(way === "socket" ? { socket: join(directory, "cri.sock") } : {}),
        ...(driver === "scripted" ? { programs } : {}),
      });
      cleanup(t, () => within(20_000, runtime.close(), "close()"));
      const cri = runtime.endpoint
        ? await connect(runtime.endpoint, { normalize: false })
        : connect.through({ transport: runtime.transport, normalize: false });
      cleanup(t, () => cri.close());
      const commands = driver === "scripted" ? scriptedCommands : shellCommands;
      const deviations = knownDeviations[`embedded-${driver}`];
      const report = await runConformance({ cri, images, directory, commands }, { deviations });
      for (const { id, title, outcome, ...more } of report.results)
        await t.test(`${id}: ${title}`, () =>
          assert.ok(outcome === "passed" || outcome === "deviates", JSON.stringify({ outcome, ...more })),
        );
    });
