// Pods and containers on the embedded runtime: in memory and on a socket, with scripted programs and with processes of this host.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { shellCommands } from "../../src/testing/conformance/commands.js";
import { type EmbeddedOptions, EmbeddedRuntime } from "../../src/testing/index.js";
import { crashCases } from "../support/pod-cases/crash.cases.js";
import { ensureCases } from "../support/pod-cases/ensure.cases.js";
import { handleCases } from "../support/pod-cases/handles.cases.js";
import { runCases } from "../support/pod-cases/run.cases.js";
import { openEndpoint, openTransport, type PodSubject } from "../support/pod-cases/subject.js";
import { programs, scriptedCommands } from "../support/scripted-programs.js";

type Subject = PodSubject & { readonly endpoint: string };

/** Starts a runtime before the cases of a suite; returns the subject of these cases. */
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
      open: endpoint ? openEndpoint(endpoint) : openTransport(transport),
      image: "docker.io/library/busybox:1.37",
      missingImage: "docker.io/library/no-such-image:1",
      commands: given.programs ? scriptedCommands : shellCommands,
      logRoot: join(folder, "logs"),
      reportsConfig: given.like !== "cri-o",
    };
  };
}

function everyCase(subject: () => PodSubject): void {
  runCases(subject);
  handleCases(subject);
  ensureCases(subject);
}

describe("the embedded runtime in memory, with scripted programs", () => {
  everyCase(started(() => ({ programs })));
});

describe("the embedded runtime like CRI-O", () => {
  everyCase(started(() => ({ programs, like: "cri-o" })));
});

describe("the embedded runtime on a socket, with processes", () => {
  everyCase(started((folder) => ({ socket: join(folder, "cri.sock"), like: "containerd-2.1" })));
});

describe("the embedded runtime on a socket, with scripted programs", () => {
  // The client is killed, and not the containers: they need no processes. The other two kinds run only on containerd.
  crashCases(
    started((folder) => ({ programs, socket: join(folder, "cri.sock"), like: "containerd-2.1" })),
    [
      ["run", "after"],
      ["ensure", "during"],
    ],
  );
});
