// The friendly layer on the embedded runtime: in memory with programs, and on a socket with processes of this host.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { connect } from "../../src/index.js";
import { shellCommands } from "../../src/testing/conformance/commands.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { programs, scriptedCommands } from "../testing/embedded/programs.js";
import { crashCases } from "./cases/crash.cases.js";
import { ensureCases } from "./cases/ensure.cases.js";
import { handleCases } from "./cases/handles.cases.js";
import { runCases } from "./cases/run.cases.js";
import { openEndpoint, type PodSubject } from "./cases/subject.js";

const shared = {
  image: "docker.io/library/busybox:1.37",
  missingImage: "docker.io/library/no-such-image:1",
  isolated: false,
};

describe("the embedded runtime in memory, with programs", () => {
  let runtime: EmbeddedRuntime;
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "pods-"));
    runtime = await EmbeddedRuntime.start({ programs });
  });
  after(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });
  const subject = (): PodSubject => ({
    ...shared,
    open: (options) => connect.through({ ...options, transport: runtime.transport }),
    commands: scriptedCommands,
    logRoot: join(folder, "logs"),
    tellsConfig: true,
  });
  runCases(subject);
  handleCases(subject);
  ensureCases(subject);
});

describe("the embedded runtime like CRI-O", () => {
  let runtime: EmbeddedRuntime;
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "pods-"));
    runtime = await EmbeddedRuntime.start({ programs, like: "cri-o" });
  });
  after(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });
  const subject = (): PodSubject => ({
    ...shared,
    open: (options) => connect.through({ ...options, transport: runtime.transport }),
    commands: scriptedCommands,
    logRoot: join(folder, "logs"),
    tellsConfig: false,
  });
  runCases(subject);
  handleCases(subject);
  ensureCases(subject);
});

describe("the embedded runtime on a socket, with processes", () => {
  let runtime: EmbeddedRuntime;
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "pods-"));
    runtime = await EmbeddedRuntime.start({ socket: join(folder, "cri.sock"), like: "containerd-2.1" });
  });
  after(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });
  const subject = () => ({
    ...shared,
    endpoint: runtime.endpoint ?? "",
    open: openEndpoint(runtime.endpoint ?? ""),
    commands: shellCommands,
    logRoot: join(folder, "logs"),
    tellsConfig: true,
  });
  runCases(subject);
  handleCases(subject);
  ensureCases(subject);
  crashCases(subject);
});
