// The friendly layer on the embedded runtime: in memory with programs, and on a socket with processes of this host.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { connect } from "../../src/index.js";
import { shellCommands } from "../../src/testing/conformance/commands.js";
import { type EmbeddedOptions, EmbeddedRuntime } from "../../src/testing/index.js";
import { programs, scriptedCommands } from "../testing/embedded/programs.js";
import { crashCases } from "./cases/crash.cases.js";
import { ensureCases } from "./cases/ensure.cases.js";
import { handleCases } from "./cases/handles.cases.js";
import { runCases } from "./cases/run.cases.js";
import { openEndpoint, type PodSubject } from "./cases/subject.js";

type Subject = PodSubject & { readonly endpoint: string };

/** Starts a runtime for the cases that follow, and gives what they need of it. */
function started(options: (folder: string) => EmbeddedOptions): () => Subject {
  let runtime: EmbeddedRuntime;
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "pods-"));
    runtime = await EmbeddedRuntime.start(options(folder));
  });
  after(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });
  return () => {
    const { endpoint, transport } = runtime;
    const given = options(folder);
    return {
      endpoint: endpoint ?? "",
      open: endpoint ? openEndpoint(endpoint) : (more) => connect.through({ ...more, transport }),
      image: "docker.io/library/busybox:1.37",
      missingImage: "docker.io/library/no-such-image:1",
      commands: given.programs ? scriptedCommands : shellCommands,
      logRoot: join(folder, "logs"),
      tellsConfig: given.like !== "cri-o",
    };
  };
}

function everyCase(subject: () => PodSubject): void {
  runCases(subject);
  handleCases(subject);
  ensureCases(subject);
}

describe("the embedded runtime in memory, with programs", () => {
  everyCase(started(() => ({ programs })));
});

describe("the embedded runtime like CRI-O", () => {
  everyCase(started(() => ({ programs, like: "cri-o" })));
});

describe("the embedded runtime on a socket, with processes", () => {
  const subject = started((folder) => ({ socket: join(folder, "cri.sock"), like: "containerd-2.1" }));
  everyCase(subject);
  // The other two kinds, which take a minute each, are for the containerds.
  crashCases(subject, [
    ["run", "after"],
    ["ensure", "during"],
  ]);
});
