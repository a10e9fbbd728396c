// Checks the pages of cri.stats.toPrometheus() with Prometheus' own parsers and linter.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { before, test } from "node:test";
import { installPromtool } from "../../scripts/interop/promtool.js";
import { runCommand } from "../../scripts/runtimes/command.js";
import { CriError } from "../../src/index.js";
import { Families, formatFamilies } from "../../src/stats/prometheus/families.js";
import { noCgroup, node } from "../support/stats-node.js";
import { tempFolder } from "../support/temp.js";
import { within } from "../support/waiting.js";

let promtool = "";
before(
  async () => {
    promtool = await installPromtool();
  },
  { timeout: 300_000 },
);

/** Checks a page in the text format. Exit code 1: invalid; 3: valid with warnings of the linter; 0: valid. */
async function check(page: string) {
  const child = spawn(promtool, ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"], timeout: 30_000 });
  child.stdin.on("error", () => {}).end(page);
  const [stdout, stderr, code] = await within(
    30_000,
    Promise.all([
      buffer(child.stdout),
      buffer(child.stderr),
      new Promise((resolve) => child.once("close", resolve)),
    ]),
    "promtool",
  );
  return { code, output: `${stdout}${stderr}` };
}

/** Imports an OpenMetrics page into a database and returns the dump of the database, by lines. */
async function readBack(page: string, folder: string): Promise<string[]> {
  const file = join(folder, "page.txt");
  const data = join(folder, "data");
  // The import requires timestamps, which are optional in a page; the dump requires a `wal` folder.
  await writeFile(file, page.replace(/^([^#].*\}|\w+) (\S+)$/gm, "$1 $2 1767225600"));
  await mkdir(join(data, "wal"), { recursive: true });
  const run = (args: string[]) => runCommand(promtool, args, { timeoutMs: 60_000 });
  await run(["tsdb", "create-blocks-from", "openmetrics", file, data]);
  return (await run(["tsdb", "dump", data])).trim().split("\n");
}

test("promtool rejects invalid pages", { timeout: 60_000 }, async () => {
  assert.equal((await check("a{b=c} 1\n")).code, 1);
  assert.equal((await check('a{b="c"d"} 1\n')).code, 1);
  assert.equal((await check("# HELP a h\n# TYPE a counter\na 1\n")).code, 3);
});

test("pages of stats are valid and without linter warnings", { timeout: 120_000 }, async (t) => {
  let bad = "";
  const { cri, runtime, startPod, use } = await node(
    t,
    {
      listPodSandboxStats() {
        throw noCgroup(bad);
      },
      podSandboxStats(request, context) {
        if (request.podSandboxId === bad) throw noCgroup(bad);
        return own(request, context);
      },
    },
    { like: "containerd-2.1" },
  );
  const own = runtime.services.runtime?.podSandboxStats ?? assert.fail();
  await startPod("web");
  await startPod('quotes "and" \\ slashes\nand lines');
  ({ podSandboxId: bad } = await startPod("bad"));
  use({ cpuNanos: 2n ** 63n - 1n, memoryBytes: 2n ** 64n - 1n });
  for (const options of [{}, { ids: true }, { timestamps: false }])
    assert.deepEqual(await check(await cri.stats.toPrometheus(options)), { code: 0, output: "" });

  const dump = await readBack(await cri.stats.toPrometheus({ format: "openmetrics" }), await tempFolder(t));
  const found = (name: string, pod: string) =>
    dump.find((line) => line.includes(`__name__="${name}"`) && line.includes(`pod="${pod}"`)) ?? "";
  assert.match(found("pod_cpu_usage_seconds_total", "web"), /\} 9\.223372036854776e\+09 \d{13}$/);
  assert.match(found("container_memory_rss", "bad"), /\} 1\.8446744073709552e\+19 \d{13}$/);
  assert.notEqual(found("pod_cpu_usage_seconds_total", 'quotes \\"and\\" \\\\ slashes\\nand lines'), "");
  assert.equal(found("pod_cpu_usage_seconds_total", "bad"), "");
});

test("pages that report failed reads are valid, too", { timeout: 60_000 }, async (t) => {
  let bad = "";
  const { cri, runtime, startPod } = await node(
    t,
    {
      listContainerStats() {
        throw noCgroup(bad);
      },
      containerStats(request, context) {
        if (request.containerId === bad) throw noCgroup(bad);
        return own(request, context);
      },
      listPodSandboxStats() {
        throw new CriError({ code: "unimplemented", reason: "unimplemented", rawMessage: "not here" });
      },
    },
    { like: "containerd-2.1" },
  );
  const own = runtime.services.runtime?.containerStats ?? assert.fail();
  await startPod("good");
  ({ containerId: bad } = await startPod("bad"));
  for (const ids of [false, true]) {
    const page = await cri.stats.toPrometheus({ ids });
    assert.equal(page.match(/^cri_stats_failed\{.*kind="(container|pods)"/gm)?.length, 2);
    assert.deepEqual(await check(page), { code: 0, output: "" });
  }
});

test("pages of the runtime's own metrics are valid", { timeout: 60_000 }, async (t) => {
  const { cri, startPod } = await node(t, {}, { like: "cri-o" });
  await startPod("web");
  const page = await cri.stats.toPrometheus();
  assert.match(page, /container_cpu_usage_seconds_total\{/);
  // The linter warns about the kubelet's names, such as gauges that end like counters.
  const { code, output } = await check(page);
  assert.ok(code === 0 || code === 3, output);
  assert.doesNotMatch(output, /error/);
});

test("labels and help texts are escaped", { timeout: 60_000 }, async (t) => {
  const families = new Families();
  const texts = [
    "",
    "\\",
    '"',
    "\n",
    "\\n",
    '\\"',
    "{}=,",
    "#",
    "é 漢 🙂",
    "\u0000\u0001\r\t",
    "a".repeat(10_000),
  ];
  for (const [n, text] of texts.entries())
    families.add({ name: "x", help: texts.join(" "), type: "gauge" }, { n: `${n}`, text }, "1", 10n ** 18n);
  const { code, output } = await check(formatFamilies(families.sorted(), "text", true));
  assert.deepEqual([code, output], [0, ""]);
  const dump = await readBack(formatFamilies(families.sorted(), "openmetrics", true), await tempFolder(t));
  assert.equal(dump.length, texts.length);
});
