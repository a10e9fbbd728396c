// `npm run chaos`, in a child process.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../../src/index.js";
import { type ChaosRecord, defaultChaosPlan } from "../../../src/testing/index.js";
import { startCommand } from "../../support/commands.js";
import { sandboxConfig, scripted } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";
import { until } from "../../support/waiting.js";

const script = "scripts/chaos.ts";

const plan = `rules:
  - name: lost run
    fault: cutConnection
    methods: [runPodSandbox]
    calls: [2]
    when: after
`;

for (const signal of ["SIGTERM", "SIGINT"] as const)
  test(`faults are printed as JSON lines; ${signal} stops it, and the runtime goes on`, async (t) => {
    const folder = await tempFolder(t);
    const [runtimeSocket, socket, file] = ["cri.sock", "chaos.sock", "plan.yaml"].map((name) =>
      join(folder, name),
    );
    assert.ok(runtimeSocket && socket && file);
    await writeFile(file, plan);
    const { cri } = await scripted(t, { socket: runtimeSocket });
    const args = ["--runtime", runtimeSocket, "--socket", socket, "--plan", file, "--seed", "abc"];
    const command = await startCommand(t, script, args);
    assert.equal(await command.ready(), `unix://${socket}`);
    {
      await using faulty = await connect(socket);
      await faulty.runtime.runPodSandbox({ config: sandboxConfig("a") });
      const lost = failure(faulty.runtime.runPodSandbox({ config: sandboxConfig("b") }));
      assert.equal((await lost).reason, "connection_lost");
    }
    await until(() => command.stdout().trim().includes("\n"), "the record");
    command.kill(signal);
    const { code, stdout, stderr, left } = await command.ended();
    assert.equal(code, 0, stderr);
    const records = stdout
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line) as ChaosRecord);
    assert.deepEqual(
      records.map(({ seed, fault, rule, call, podName, upstream }) => [
        seed,
        fault,
        rule,
        call,
        podName,
        upstream,
      ]),
      [["abc", "cutConnection", "lost run", 2, "b", "ok"]],
    );
    assert.match(
      stderr,
      new RegExp(`seed: abc\nplan: ${file}\n${signal}: stopping after 1 faults\n {2}cutConnection 1`),
    );
    assert.deepEqual([existsSync(socket), left], [false, []]);
    assert.equal((await cri.runtime.listPodSandbox({})).items.length, 2);
  });

test("without a plan it prints the default one, with a new seed; --log appends to a file", async (t) => {
  const folder = await tempFolder(t);
  const [runtimeSocket, log] = [join(folder, "cri.sock"), join(folder, "faults.jsonl")];
  await scripted(t, { socket: runtimeSocket });
  await writeFile(log, "an earlier line\n");
  const args = ["--runtime", `unix://${runtimeSocket}`, "--socket", join(folder, "chaos.sock"), "--log", log];
  const command = await startCommand(t, script, args);
  await using faulty = await connect(await command.ready(), { timeoutMs: 30_000 });
  for (let n = 0; n < 40; n++) await faulty.runtime.listContainers({}).catch(() => undefined);
  command.kill("SIGTERM");
  const { code, stdout, stderr } = await command.ended();
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim().split("\n").length, 1);
  const [, seed, printed] =
    /seed: ([0-9a-f]{16})\nplan: the default one\n([\s\S]*?\n\})\n/.exec(stderr) ?? [];
  assert.deepEqual(JSON.parse(printed ?? ""), defaultChaosPlan);
  const [first, ...lines] = (await readFile(log, "utf8")).trim().split("\n");
  assert.equal(first, "an earlier line");
  assert.ok(lines.length > 3);
  for (const line of lines) assert.equal((JSON.parse(line) as ChaosRecord).seed, seed);
});

test("--help, and clear errors for arguments and plans", async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, "plan.json");
  await writeFile(file, '{ "rules": [{ "fault": "delay", "ms": 5, "probability": 2 }] }');
  const broken = join(folder, "broken.yaml");
  await writeFile(broken, "rules:\n  - fault: delay\n   ms: 5\n");
  const some = ["--runtime", join(folder, "a.sock"), "--socket", join(folder, "b.sock")];
  const cases = [
    [["--help"], 0, /usage: npm run chaos/],
    [[], 2, /--runtime ENDPOINT is required/],
    [["--runtime", "/a.sock"], 2, /--socket PATH is required/],
    [["--runtime", "/a.sock", "--socket", "unix:///a.sock"], 2, /--socket must differ from --runtime/],
    [["--runtime", "ftp://a", "--socket", "/b.sock"], 2, /ftp/],
    [[...some, "--probability", "1"], 2, /Unknown option '--probability'/],
    [[...some, "--seed", ""], 2, /--seed must not be empty/],
    [[...some, "--plan", file], 1, /plan\.json: rules\[0\]\.probability must be from 0 to 1, got 2/],
    [[...some, "--plan", broken], 1, /broken\.yaml:3:\d+: /],
    [[...some, "--plan", join(folder, "none")], 1, /cannot read the chaos plan .*none: /],
    [[...some, "--log", join(folder, "no", "log")], 1, /cannot write the log .*ENOENT/],
  ] as const;
  const check = async ([args, code, message]: (typeof cases)[number]) => {
    const ended = await (await startCommand(t, script, args)).ended();
    assert.equal(ended.code, code, `${args.join(" ")}: ${ended.stderr}`);
    assert.match(ended.stdout + ended.stderr, message);
  };
  await Promise.all(cases.map(check));
});
