import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../../src/index.js";
import { knownDeviations, runConformance, shellCommands } from "../../../src/testing/conformance/index.js";
import { EmbeddedRuntime } from "../../../src/testing/embedded/embedded-runtime.js";
import { cleanup } from "../../support/cleanup.js";
import { checkLeaks } from "../../support/leaks.js";
import { programs, scriptedCommands } from "../../support/scripted-programs.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

const images = {
  main: "docker.io/library/busybox:1.37",
  sameImage: "quay.io/prometheus/busybox:latest",
  other: "docker.io/library/alpine:3.22",
  missing: "docker.io/library/busybox:no-such-tag",
};

/** The options that select each driver, and the commands that its containers can run. A new driver gets a row. */
const drivers = {
  scripted: {
    options: { programs },
    commands: scriptedCommands,
    deviations: knownDeviations["embedded-scripted"],
  },
  host: { options: {}, commands: shellCommands, deviations: knownDeviations["embedded-host"] },
};

for (const [driver, { options, commands, deviations }] of Object.entries(drivers))
  for (const transport of ["memory", "socket"])
    test(`${driver}, ${transport}: passes the conformance suite`, { timeout: 600_000 }, async (t) => {
      checkLeaks(t);
      const directory = await tempFolder(t);
      const socket = transport === "socket" ? join(directory, "cri.sock") : undefined;
      const runtime = await EmbeddedRuntime.start({ ...options, socket });
      cleanup(t, () => within(20_000, runtime.close(), "close()"));
      const cri = runtime.endpoint
        ? await connect(runtime.endpoint, { normalize: false })
        : connect.through({ transport: runtime.transport, normalize: false });
      cleanup(t, () => cri.close());
      const report = await runConformance({ cri, images, directory, commands }, { deviations });
      for (const { id, title, outcome, ...more } of report.results)
        await t.test(`${id}: ${title}`, () =>
          assert.ok(outcome === "passed" || outcome === "deviates", JSON.stringify({ outcome, ...more })),
        );
    });
