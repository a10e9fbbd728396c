// Builds, then runs test files concurrently, each in its own process.
//
//   node scripts/run-tests.mjs [--jobs=N] [--node=VERSION] [ROOM | FILE]...
//
// A ROOM is a folder of test/, a FILE a *.test.ts. By default, all rooms run except those with a script of their own in
// package.json. `--node=22` runs the tests on that release of Node. With CRI_SDK_TEST_RERUN=1, a file that failed runs once
// more, alone, and is reported as flaky if it passes then; at most two files of a run may be flaky.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildTests } from "./build-tests.mjs";
import { installNode } from "./node-versions.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const ownScripts = ["interop", "javascript-runtimes", "package", "runtimes", "stress"];
const durationsFile = join(root, ".build", "durations.json");
/** Start first, so that none of them runs alone at the end. The durations of earlier runs, once known, decide. */
const slowFiles = [
  "testing/embedded/conformance",
  "docs/samples",
  "pods/embedded",
  "testing/embedded-cli/embedded-cli",
  "server/serve/outcomes",
  "testing/examples/quickstart",
  "testing/host/process",
  "stress/host-crashes",
  "stress/restarts",
];
/** After this long without a line of progress, the files that are running are printed. */
const quietLimitMs = 30_000;
const fileLimitMs = 3_600_000;
/** The limit of CRI_SDK_TEST_RERUN: more failures than this have a cause in common. */
const flakyFilesLimit = 2;

const args = process.argv.slice(2);
const option = (name) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
const jobs = Number(option("jobs") ?? availableParallelism() + 1);
const nodeVersion = option("node");
const rerunFailed = process.env.CRI_SDK_TEST_RERUN === "1";
const files = select(args.filter((arg) => !arg.startsWith("--")));
if (files.length === 0) fail(`no test files in ${args.join(", ")}`);

await buildTests();
// Removes them, so that tests do not use a runtime of the developer.
const { CONTAINER_RUNTIME_ENDPOINT, IMAGE_SERVICE_ENDPOINT, CRI_CONFIG_FILE, NODE_TEST_CONTEXT, ...env } =
  process.env;
const executable = nodeVersion === undefined ? process.execPath : installNode(nodeVersion);
const nodeOptions = ["--enable-source-maps", "--test-reporter=spec", `--test-timeout=${fileLimitMs}`];
const running = new Map();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.once(signal, () => {
    for (const { child } of running.values()) child.kill(signal);
    process.kill(process.pid, signal);
  });

if (files.length === 1) {
  let { code } = await run(files[0], "inherit");
  if (code !== 0 && rerunFailed) {
    console.log(`\n== failed, runs once more: ${files[0]}`);
    ({ code } = await run(files[0], "inherit"));
    if (code === 0) console.log(`\n== flaky: ${files[0]}`);
  }
  process.exit(code);
}
process.exit((await runAll()) ? 0 : 1);

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** Returns the test files for the arguments, as paths in the checkout. */
function select(names) {
  const isTest = (name) => name.endsWith(".test.ts");
  const below = (folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter(isTest)
      .map((file) => join(folder, file));
  const all = () => below("test").filter((file) => !ownScripts.includes(file.split("/")[1]));
  const named = (name) => {
    const candidates = [join("test", name), relative(root, resolve(name))];
    const path = candidates.find((path) => existsSync(join(root, path)));
    if (path === undefined) fail(`${name} is neither a folder of test/ nor a test file`);
    return statSync(join(root, path)).isDirectory() ? below(path) : [path];
  };
  return [...new Set(names.length === 0 ? all() : names.flatMap(named))].sort();
}

/** Runs one file. With "pipe", resolves with its output; with "inherit", prints it. */
function run(file, stdio) {
  const compiled = join(root, ".build", file.replace(/\.ts$/, ".js"));
  const began = Date.now();
  const child = spawn(executable, [...nodeOptions, compiled], {
    ...{ cwd: root, env, stdio: stdio === "inherit" ? stdio : ["ignore", "pipe", "pipe"] },
    ...{ timeout: fileLimitMs, killSignal: "SIGKILL" },
  });
  running.set(file, { child, began });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  return new Promise((ended, failed) => {
    child.once("error", failed);
    child.once("close", (code, signal) => {
      running.delete(file);
      if (signal) output += `\nended by ${signal}\n`;
      ended({ file, code: code ?? 1, output, ms: Date.now() - began });
    });
  });
}

/** Runs all files, the slowest first, and prints progress. Failures are printed at once, and again at the end. */
async function runAll() {
  const durations = existsSync(durationsFile) ? JSON.parse(readFileSync(durationsFile, "utf8")) : {};
  const isSlow = (file) => slowFiles.some((name) => file === `test/${name}.test.ts`);
  const expected = (file) => durations[file] ?? (isSlow(file) ? Number.MAX_VALUE : 0);
  const queue = [...files].sort((a, b) => expected(b) - expected(a));
  const began = Date.now();
  const total = { pass: 0, fail: 0, skipped: 0 };
  const failures = [];
  let done = 0;
  let printedAt = began;
  const print = (text) => {
    printedAt = Date.now();
    const elapsed = seconds(printedAt - began);
    console.log(`[${String(done).padStart(String(files.length).length)}/${files.length} ${elapsed}] ${text}`);
  };
  const report = ({ file, code, output, ms }) => {
    done++;
    durations[file] = ms;
    const counts = countsOf(output);
    if (code !== 0 && counts.fail === 0) counts.fail = 1;
    for (const name of Object.keys(total)) total[name] += counts[name];
    print(`${file}: ${summaryOf(counts)} (${(ms / 1000).toFixed(1)} s)`);
    if (code === 0) return;
    console.log(output);
    failures.push({
      file,
      failed: counts.fail,
      output: output.slice(Math.max(0, output.lastIndexOf("failing tests:") - 2)),
    });
  };
  const timer = setInterval(() => {
    if (Date.now() - printedAt < quietLimitMs) return;
    const shown = [...running].map(([file, { began }]) => `${file} (${seconds(Date.now() - began).trim()})`);
    print(`still running: ${shown.join(", ")}`);
  }, 1_000);
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) report(await run(file, "pipe"));
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  const flaky = rerunFailed && failures.length <= flakyFilesLimit ? await rerun(failures, total) : [];
  clearInterval(timer);
  // Another run may read it now.
  writeFileSync(`${durationsFile}.${process.pid}`, JSON.stringify(durations, undefined, 2));
  renameSync(`${durationsFile}.${process.pid}`, durationsFile);

  for (const { file, output } of failures) console.log(`\n== failed: ${file}\n${output}`);
  console.log(`\n${files.length} files in ${seconds(Date.now() - began).trim()}, ${jobs} at a time`);
  console.log(summaryOf(total));
  for (const file of flaky) console.log(`flaky, passed alone: ${file}`);
  return failures.length === flaky.length;
}

/** Runs failed files once more, one at a time. Returns those that passed, and takes their failures out of the total. */
async function rerun(failures, total) {
  const flaky = [];
  for (const { file, failed } of failures) {
    const { code, output, ms } = await run(file, "pipe");
    console.log(
      `\n== once more, alone: ${file}: ${summaryOf(countsOf(output))} (${(ms / 1000).toFixed(1)} s)`,
    );
    if (code !== 0) {
      console.log(output);
      continue;
    }
    flaky.push(file);
    total.fail -= failed;
    total.pass += failed;
  }
  return flaky;
}

/** Returns the counts in the summary of Node's spec reporter. */
function countsOf(output) {
  const count = (name) => Number(new RegExp(`^ℹ ${name} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  return { pass: count("pass"), fail: count("fail") + count("cancelled"), skipped: count("skipped") };
}

function summaryOf({ pass, fail, skipped }) {
  return `${pass} passed, ${fail} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function seconds(ms) {
  return `${Math.round(ms / 1000)} s`.padStart(6);
}
