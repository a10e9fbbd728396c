// Tests the tarball, not the tree: what npm would publish, as its users would use it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const root = fileURLToPath(new URL("../..", import.meta.url));
// Inside the checkout, so that the package's own dependencies are found without a registry.
const folder = join(root, ".cache", `package-${process.pid}`);
const installed = join(folder, "node_modules", "cri-sdk");
let tarball: string;

const run = (program: string, args: readonly string[], cwd = folder): string =>
  execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 });
const bin = (name: string) => join(root, "node_modules", ".bin", name);

before(() => {
  mkdirSync(installed, { recursive: true });
  run("npm", ["pack", "--pack-destination", folder], root);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
  run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("the tarball holds what it should, and no tests", () => {
  const files = run("tar", ["-tzf", tarball]).trim().split("\n");
  const allowed =
    /^package\/(?:dist\/|src\/|gen\/|proto\/|schemas\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/;
  assert.deepEqual(
    files.filter((file) => !allowed.test(file) || /\.test\./.test(file)),
    [],
  );
  for (const needed of ["LICENSE", "README.md", "dist/src/index.js", "dist/src/index.d.ts", "dist/src/v1.js"])
    assert.ok(existsSync(join(installed, needed)), `${needed} is missing`);
});

test("publint and attw find nothing", async () => {
  const { messages } = await publint({ pkgDir: installed, pack: false, strict: true });
  const pkg = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Record<string, unknown>;
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
  run(bin("attw"), [tarball, "--profile", "esm-only", "--format", "ascii"]);
});

test("the lock file names every optional package, so that npm ci takes it on every platform", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<
      Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
    >;
  };
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
    ),
  );
  assert.deepEqual(missing, []);
});

/** What each door gives on purpose. */
const publicValues: Readonly<Record<string, readonly string[]>> = {
  "cri-sdk": [
    "CriError",
    "CrictlJson",
    "attachTerminal",
    "backoff",
    "cgroupParent",
    "connect",
    "containerConfig",
    "containerUsage",
    "cpuCores",
    "createTransport",
    "criErrorCodes",
    "criErrorReasons",
    "dateToNanos",
    "defaultPullPolicy",
    "discover",
    "dockerAuth",
    "familiarReference",
    "formatReference",
    "fromGoJson",
    "isCriError",
    "keyring",
    "loadContainerConfig",
    "loadSandboxConfig",
    "logRequests",
    "nanosToDate",
    "nanosToMs",
    "normalizeReference",
    "oomScoreAdj",
    "openTelemetry",
    "parseContainerConfig",
    "parseEndpoint",
    "parseQuantity",
    "parseReference",
    "parseSandboxConfig",
    "podLogDirectory",
    "podResources",
    "podUid",
    "podUsage",
    "podmanAuth",
    "policy",
    "prometheusContentTypes",
    "qosClass",
    "redact",
    "sandboxConfig",
    "sleep",
    "swapLimit",
    "toCrictlJson",
    "toGoJson",
    "untilBreak",
    "whyStopped",
    "withRates",
  ],
  "cri-sdk/logs": [
    "LogDecoder",
    "LogWriter",
    "formatLogLine",
    "mergeLogs",
    "parseLogLine",
    "readLogs",
    "rotatedLogs",
  ],
  "cri-sdk/streaming": [
    "ResizeDecoder",
    "SpdyConnection",
    "attach",
    "attachTerminal",
    "channelNumber",
    "channelProtocols",
    "closedEarly",
    "decodeChannel",
    "encodeChannel",
    "encodeChannelEnd",
    "encodeResize",
    "exec",
    "formatJsonStatus",
    "formatTextStatus",
    "parseJsonStatus",
    "parseTextStatus",
    "portForward",
    "resetStatus",
  ],
  "cri-sdk/server": ["createStreamingServer", "memoryTransport", "proxy", "serve"],
  "cri-sdk/testing": [
    "EmbeddedRuntime",
    "ImageCatalogue",
    "VirtualClock",
    "conformanceCases",
    "conformanceGroups",
    "conformanceOutcomes",
    "createFixtures",
    "defaultCatalogue",
    "deviationsFor",
    "fixtures",
    "formatJUnit",
    "formatJson",
    "formatTable",
    "knownDeviations",
    "parseCatalogue",
    "runConformance",
    "shellCommands",
  ],
};

test("import and require give the values that are public on purpose", () => {
  const print =
    "console.log(JSON.stringify(Object.keys(door).filter((key) => key !== 'module.exports').sort()))";
  for (const [door, values] of Object.entries(publicValues)) {
    const from = JSON.stringify(door);
    writeFileSync(join(folder, "esm.mjs"), `import * as door from ${from}; import "cri-sdk/v1"; ${print}`);
    writeFileSync(join(folder, "cjs.cjs"), `const door = require(${from}); require("cri-sdk/v1"); ${print}`);
    for (const file of ["esm.mjs", "cjs.cjs"])
      assert.deepEqual(JSON.parse(run(process.execPath, ["--no-warnings", file])), values, `${door} ${file}`);
  }
});

test("no other file of the package can be imported", () => {
  writeFileSync(join(folder, "deep.mjs"), `import "cri-sdk/dist/src/core/index.js";`);
  assert.throws(() => run(process.execPath, ["deep.mjs"]), /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});

const program = `
import { type Cri, type CallOptions, connect, isCriError, type RpcInterceptor } from "cri-sdk";
import { createStreamingServer, type StreamingHandlers } from "cri-sdk/server";
import { exec, type ExecSession, SpdyConnection } from "cri-sdk/streaming";
import { ContainerState, type Container, RuntimeService } from "cri-sdk/v1";

const log: RpcInterceptor = (next) => async (request) => {
  console.log(request.method.name, request.header.get("x"));
  return next(request);
};
export async function sessions(cri: Cri, id: string, handlers: StreamingHandlers): Promise<ExecSession[]> {
  const server = await createStreamingServer(handlers);
  const { url } = server.exec({ containerId: id, cmd: ["true"], stdout: true });
  const killable = await cri.exec(id, ["true"], { kill: true });
  await killable.kill("SIGTERM");
  const plain = await cri.exec(id, ["true"]);
  // @ts-expect-error only a session with kill: true can be killed
  await plain.kill();
  const text: string = (await cri.runCommand(id, ["true"])).stdout;
  const bytes: Buffer = (await cri.runCommand(id, ["true"], { encoding: "buffer" })).stdout;
  const { exitCode, signal }: { exitCode: number; signal: NodeJS.Signals | undefined } = await plain.exit;
  const page: Response = await cri.portForward(id).fetch(80, "/");
  console.log(SpdyConnection.name, text, bytes, exitCode, signal, page.status);
  return [await exec(url), killable, plain];
}
export async function running(options: CallOptions = {}): Promise<Container[]> {
  const cri: Cri = await connect("unix:///run/x.sock", { interceptors: [log], signal: options.signal });
  try {
    const state = { state: ContainerState.CONTAINER_RUNNING };
    const { containers } = await cri.runtime.listContainers({ filter: { state } }, options);
    for await (const event of cri.runtime.getContainerEvents()) console.log(event.containerId, RuntimeService.typeName);
    // @ts-expect-error CreateContainer takes a request
    await cri.runtime.createContainer();
    return containers;
  } catch (error) {
    if (isCriError(error) && error.reason === "object_missing") return [];
    throw error;
  }
}
`;

for (const [name, tsc] of [
  ["our TypeScript", "tsc"],
  ["the oldest we promise", "../typescript-oldest/bin/tsc"],
] as const) {
  test(`types, as strict as can be and without the DOM library: ${name}`, () => {
    writeFileSync(join(folder, "program.mts"), program);
    const compilerOptions = {
      target: "es2022",
      lib: ["es2023", "esnext.disposable"],
      types: ["node"],
      module: "nodenext",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.mts"] }));
    try {
      run(bin(tsc), ["-p", "."]);
    } catch (error) {
      assert.fail((error as { stdout: string }).stdout);
    }
  });
}
