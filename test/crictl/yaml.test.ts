// YAML beyond the values of a config: merge keys, aliases and sizes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromGoJson, parseContainerConfig, parseSandboxConfig } from "../../src/crictl/index.js";
import { type CriError, isCriError } from "../../src/index.js";
import { PodSandboxConfigSchema } from "../../src/v1.js";

function refused(parse: () => unknown): CriError {
  try {
    parse();
  } catch (error) {
    if (isCriError(error)) return error;
    throw error;
  }
  return assert.fail("it was accepted");
}

test("merge keys are read as YAML 1.1 defines them", () => {
  const read = (text: string) => parseSandboxConfig(text, { unknownKeys: "ignore" });
  const base =
    "base: &base { metadata: { name: web, namespace: default }, hostname: base, labels: { a: base } }\n";
  const merged = read(`${base}<<: *base\nhostname: own\n`);
  assert.deepEqual(
    [merged.metadata?.name, merged.metadata?.namespace, merged.hostname, merged.labels],
    ["web", "default", "own", { a: "base" }],
  );
  // Own keys precede merged ones, wherever the merge key is.
  assert.equal(read(`${base}hostname: own\n<<: *base\n`).hostname, "own");
  // The first of several maps precedes the others. Values are replaced, and not merged.
  const list = `${base}other: &other { hostname: other, log_directory: /other, labels: { b: other } }\n`;
  for (const [order, hostname, labels] of [
    ["*base, *other", "base", { a: "base" }],
    ["*other, *base", "other", { b: "other" }],
  ] as const) {
    const both = read(`${list}<<: [${order}]\n`);
    assert.deepEqual([both.hostname, both.logDirectory, both.labels], [hostname, "/other", labels]);
  }
  assert.equal(read(`${list}<<: *base\n<<: *other\n`).logDirectory, "/other");
  const chain = "a: &a { hostname: a, log_directory: /a }\nb: &b { <<: *a, hostname: b }\n<<: *b\n";
  assert.deepEqual([read(chain).hostname, read(chain).logDirectory], ["b", "/a"]);
  assert.equal(read("<<: { hostname: here }\n").hostname, "here");
  // Nested, in maps of the schema and in lists.
  const labels = parseSandboxConfig("labels: &labels { a: b }\nannotations: { <<: *labels, c: d }\n");
  assert.deepEqual(labels.annotations, { a: "b", c: "d" });
  const container = parseContainerConfig(
    "mounts:\n- &m { host_path: /a, container_path: /a, readonly: true }\n- { <<: *m, container_path: /b }\n",
  );
  assert.deepEqual(
    container.mounts.map((mount) => [mount.hostPath, mount.containerPath, mount.readonly]),
    [
      ["/a", "/a", true],
      ["/a", "/b", true],
    ],
  );
  // In quotes it is a key like any other, and so it is in JSON.
  assert.deepEqual(parseSandboxConfig('{"labels": {"<<": "x"}}').labels, { "<<": "x" });
});

test("problems with merged values name the key and the place of the value", () => {
  const text = "labels: &l { a: 1 }\nannotations: { <<: *l }\n";
  assert.deepEqual(
    refused(() => parseSandboxConfig(text)).problems.map(({ path, message }) => `${path} ${message}`),
    [
      "labels.a must be a string: put it in quotes, got 1n (line 1, column 17)",
      "annotations.a must be a string: put it in quotes, got 1n (line 1, column 17)",
    ],
  );
});

test("merge keys and aliases without a meaning are refused", () => {
  for (const [text, message] of [
    ["<<: 1\n", /value of << must be a map or a list of maps.*line 1, column 1/],
    ["<<: [{ hostname: a }, 1]\n", /value of << must be a map/],
    ["<<: *none\n", /alias \*none has no anchor before it.*line 1, column 5/],
    ["<<: *later\nlabels: &later { a: b }\n", /alias \*later has no anchor before it/],
    ["labels: &l { a: *l }\n", /alias refers to a value that contains it/],
    ["labels: &l { <<: *l }\n", /alias refers to a value that contains it|value of <</],
    ["hostname: a\nhostname: b\n", /map keys must be unique.*line 2, column 1/],
    ["labels: { a: x, b: x, a: y }\n", /map keys must be unique.*line 1, column 23/],
  ] as const)
    assert.match(refused(() => parseSandboxConfig(text)).message, message, text);
});

test("aliases that would expand to many values are refused", () => {
  const levels = Array.from({ length: 30 }, (_, level) => level);
  const lists = levels.map(
    (n) => `k${n}: &k${n} [${n === 0 ? "x" : `*k${n - 1}, *k${n - 1}, *k${n - 1}`}]\n`,
  );
  const merges = levels.map(
    (n) => `k${n}: &k${n} { ${n === 0 ? "x: y" : `<<: *k${n - 1}, a${n}: *k${n - 1}, b${n}: *k${n - 1}`} }\n`,
  );
  const items = `container: &c { devices: [${"&d { host_path: a }, *d, ".repeat(1)}*d] }\n`;
  const many = `mounts: &m [${"{ host_path: a }, ".repeat(2_000)}]\nx: [${"*m, ".repeat(2_000)}]\n`;
  const wide = `k: &k { ${Array.from({ length: 1_000 }, (_, n) => `k${n}: v`).join(", ")} }\nl: [${"{ <<: *k }, ".repeat(1_000)}]\n`;
  for (const text of [lists.join(""), merges.join(""), many, wide])
    assert.match(
      refused(() => parseContainerConfig(text, { unknownKeys: "ignore" })).message,
      /aliases and merge keys stand for more than 100000 values/,
    );
  assert.equal(parseContainerConfig(items, { unknownKeys: "ignore" }).devices.length, 0);
  // More than a hundred uses of one value are not an attack.
  const uses = `mounts:\n- &m { host_path: /a, container_path: /a }\n${"- *m\n".repeat(1_000)}`;
  assert.equal(parseContainerConfig(uses).mounts.length, 1_001);
});

/** The CPU time of a function, in milliseconds: the shortest of several runs. */
function cpuMs(work: () => unknown, runs: number): number {
  const times = Array.from({ length: runs }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  return Math.min(...times);
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Texts of about `count` values. */
const shapes: Readonly<Record<string, (count: number) => () => unknown>> = {
  "labels in YAML": (count) => {
    const text = `labels:\n${numbers(count)
      .map((n) => `  key${n}: value${n}\n`)
      .join("")}`;
    return () => parseSandboxConfig(text);
  },
  "labels in JSON": (count) => {
    const text = JSON.stringify({
      labels: Object.fromEntries(numbers(count).map((n) => [`key${n}`, `value${n}`])),
    });
    return () => parseSandboxConfig(text);
  },
  "labels with a problem each": (count) => {
    const text = `labels:\n${numbers(count)
      .map((n) => `  key${n}: ${n}\n`)
      .join("")}`;
    return () => refused(() => parseSandboxConfig(text));
  },
  "anchors and aliases": (count) => {
    const text = `labels:\n${numbers(count)
      .map((n) => `  a${n}: &a${n} x\n  b${n}: *a${n}\n`)
      .join("")}`;
    return () => parseSandboxConfig(text);
  },
  "environment variables": (count) => {
    const text = `envs:\n${numbers(count)
      .map((n) => `- { key: K${n}, value: v }\n`)
      .join("")}`;
    return () => parseContainerConfig(text);
  },
  "unknown keys": (count) => {
    const text = `${numbers(count)
      .map((n) => `key_${n}: value\n`)
      .join("")}`;
    return () => parseContainerConfig(text, { unknownKeys: "ignore" });
  },
  "Go's JSON": (count) => {
    const labels = Object.fromEntries(numbers(8 * count).map((n) => [`key~${n}`, "1234567890123456789"]));
    const text = JSON.stringify({ labels });
    return () => fromGoJson(PodSandboxConfigSchema, text);
  },
};

for (const [name, shape] of Object.entries(shapes))
  test(`the time is about linear in the size: ${name}`, { timeout: 300_000 }, (t) => {
    const [small, large] = [shape(1_000), shape(8_000)];
    // The first runs are slower, before the code is compiled.
    const smallMs = cpuMs(small, 6);
    const ratio = cpuMs(large, 2) / smallMs;
    t.diagnostic(`8 times the size takes ${ratio.toFixed(1)} times the CPU time`);
    // Quadratic time would be 64 times as long.
    assert.ok(ratio < 32, `${ratio}`);
  });

test("100,000 labels are read", { timeout: 300_000 }, () => {
  const text = `labels:\n${numbers(100_000)
    .map((n) => `  key${n}: value${n}\n`)
    .join("")}`;
  assert.equal(Object.keys(parseSandboxConfig(text).labels).length, 100_000);
});
