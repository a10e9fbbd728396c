// LinuxContainerResources: the kubelet's numbers, and every invalid field.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { LinuxContainerResourcesSchema } from "../../../gen/runtime/v1/api_pb.js";
import { Violations } from "../../../src/core/index.js";
import {
  cpuQuota,
  cpuShares,
  type LinuxResourcesOptions,
  linuxResources,
} from "../../../src/pods/config/resources.js";
import type { ResourcesSpec } from "../../../src/pods/config/spec-resources.js";

function read(spec: unknown, options?: LinuxResourcesOptions) {
  const violations = new Violations();
  // The cast stands for a caller without types.
  const init = linuxResources(spec as ResourcesSpec, "resources", violations, options);
  return { problems: violations.problems, message: init && create(LinuxContainerResourcesSchema, init) };
}

function valid(spec: ResourcesSpec, options?: LinuxResourcesOptions) {
  const { problems, message } = read(spec, options);
  assert.deepEqual(problems, []);
  assert.ok(message);
  return message;
}

const numbers = (spec: ResourcesSpec, options?: LinuxResourcesOptions) => {
  const { cpuPeriod, cpuShares: shares, cpuQuota: quota, memoryLimitInBytes } = valid(spec, options);
  assert.equal(cpuPeriod, 100_000n);
  return [shares, quota, memoryLimitInBytes];
};

test("CPU and memory as the kubelet computes them", () => {
  const pod: ResourcesSpec = { cpu: 2, memory: "2Gi", requests: { cpu: 1, memory: "1Gi" } };
  const rows: readonly (readonly [row: string, ResourcesSpec, bigint[], LinuxResourcesOptions?])[] = [
    ["1", { cpu: "250m", memory: "64Mi" }, [256n, 25_000n, 67_108_864n]],
    [
      "1",
      { cpu: "250m", memory: "64Mi", requests: { cpu: "250m", memory: "64Mi" } },
      [256n, 25_000n, 67_108_864n],
    ],
    ["2", { memory: "2Gi", requests: { cpu: "100m", memory: "1Gi" } }, [102n, 0n, 2_147_483_648n]],
    ["3", {}, [2n, 0n, 0n]],
    ["4", { cpu: "0.5" }, [512n, 50_000n, 0n]],
    ["6", { requests: { memory: "8Gi" } }, [2n, 0n, 0n]],
    ["6", { requests: { cpu: 300 } }, [262_144n, 0n, 0n]],
    ["9", { requests: { cpu: "100m" } }, [102n, 0n, 0n]],
    ["10, sandbox", pod, [1024n, 200_000n, 2_147_483_648n]],
    ["10, c", { requests: { cpu: "250m", memory: "256Mi" } }, [256n, 200_000n, 2_147_483_648n], { pod }],
    ["10, d", {}, [2048n, 200_000n, 2_147_483_648n], { pod }],
    ["a limit of 0 means no limit", { cpu: 0, memory: 0 }, [2n, 0n, 0n]],
    [
      "the container's limit overrides the pod's",
      { cpu: 1, memory: "1Gi" },
      [1024n, 100_000n, 1_073_741_824n],
      { pod },
    ],
    [
      "with a limit of 0 the pod's limit applies",
      { cpu: 0, memory: 0 },
      [2n, 200_000n, 2_147_483_648n],
      { pod },
    ],
    ["a request of 0 is kept", { cpu: 1, requests: { cpu: 0 } }, [2n, 100_000n, 0n]],
    ["at least 1 ms per period", { cpu: "1m" }, [2n, 1000n, 0n]],
  ];
  for (const [row, spec, expected, options] of rows) assert.deepEqual(numbers(spec, options), expected, row);
});

test("every field of the message", () => {
  const message = valid({
    cpu: 2,
    memory: "128Mi",
    cpuPeriodUs: 50_000,
    memorySwap: "256Mi",
    cpuset: { cpus: "0-3,7", mems: "0" },
    hugepages: { "2Mi": "64Mi", "1Gi": 0, "64Ki": "128Ki", "16Gi": "16Gi" },
    oomScoreAdj: -997,
    unified: { "memory.oom.group": "1" },
  });
  const { hugepageLimits, ...rest } = message;
  assert.deepEqual(rest, {
    $typeName: "runtime.v1.LinuxContainerResources",
    cpuPeriod: 50_000n,
    cpuQuota: 100_000n,
    cpuShares: 2048n,
    memoryLimitInBytes: 134_217_728n,
    memorySwapLimitInBytes: 268_435_456n,
    cpusetCpus: "0-3,7",
    cpusetMems: "0",
    oomScoreAdj: -997n,
    unified: { "memory.oom.group": "1" },
  });
  assert.deepEqual(
    hugepageLimits.map(({ pageSize, limit }) => [pageSize, limit]),
    [
      ["2MB", 67_108_864n],
      ["1GB", 0n],
      ["64KB", 131_072n],
      ["16GB", 17_179_869_184n],
    ],
  );
});

test("no spec gives no message, an empty one only the kubelet's defaults", () => {
  assert.deepEqual(read(undefined), { problems: [], message: undefined });
  const expected = { cpuPeriod: 100_000n, cpuShares: 2n };
  assert.deepEqual(valid({}), create(LinuxContainerResourcesSchema, expected));
});

test("a swap limit requires a memory limit and includes it, or is -1", () => {
  for (const memorySwap of [-1, 0, "64Mi", "1Gi"] as const) valid({ memory: "64Mi", memorySwap });
  assert.equal(valid({ memorySwap: -1 }).memorySwapLimitInBytes, -1n);
  valid({ memorySwap: "1Gi" }, { pod: { memory: "1Gi" } });
});

test("each invalid field is reported with its value", () => {
  const rows: readonly (readonly [spec: unknown, path: string, message: RegExp, value?: unknown])[] = [
    [{ cpu: "1K" }, "resources.cpu", /suffix/, "1K"],
    [{ cpu: -1 }, "resources.cpu", /must not be negative, got -1/, -1],
    [{ cpu: "1e30" }, "resources.cpu", /cpu_quota/, "1e30"],
    [{ memory: "-1Gi" }, "resources.memory", /negative/, "-1Gi"],
    [{ memory: "64m" }, "resources.memory", /thousandths/, "64m"],
    [{ memory: "10E" }, "resources.memory", /below 2\^63/, "10E"],
    [{ requests: { cpu: "x" } }, "resources.requests.cpu", /suffix/, "x"],
    [{ requests: { memory: -1 } }, "resources.requests.memory", /negative/, -1],
    [
      { cpu: 1, requests: { cpu: "1001m" } },
      "resources.requests.cpu",
      /must not exceed the limit 1,/,
      "1001m",
    ],
    [{ memory: "1Gi", requests: { memory: "2Gi" } }, "resources.requests.memory", /limit 1Gi/, "2Gi"],
    [{ cpuPeriodUs: 999 }, "resources.cpuPeriodUs", /from 1000 to 1000000/, 999],
    [{ cpuPeriodUs: 1_000_001 }, "resources.cpuPeriodUs", /from 1000/, 1_000_001],
    [{ cpuPeriodUs: 1000.5 }, "resources.cpuPeriodUs", /integer/, 1000.5],
    [{ cpuset: { cpus: "3-1" } }, "resources.cpuset.cpus", /ranges/, "3-1"],
    [{ cpuset: { mems: "0,," } }, "resources.cpuset.mems", /ranges/, "0,,"],
    [{ cpuset: { cpus: 3 } }, "resources.cpuset.cpus", /ranges/, 3],
    ["1Gi", "resources", /an object/, "1Gi"],
    [null, "resources", /an object, got null/, null],
    [{ memorySwap: "1Gi" }, "resources.memorySwap", /requires a memory limit/, "1Gi"],
    [
      { memory: "1Gi", memorySwap: "1Mi" },
      "resources.memorySwap",
      /at least the memory limit \(1073741824 bytes\)/,
      "1Mi",
    ],
    [{ memorySwap: -2 }, "resources.memorySwap", /-1/, -2],
    [{ memorySwap: "10E" }, "resources.memorySwap", /below 2\^63/, "10E"],
    [{ memorySwap: "?" }, "resources.memorySwap", /suffix/, "?"],
    [{ hugepages: { "2Mi": "3Mi" } }, 'resources.hugepages["2Mi"]', /multiple of 2Mi/, "3Mi"],
    [{ hugepages: { "2Mi": "1mi" } }, 'resources.hugepages["2Mi"]', /suffix/, "1mi"],
    [{ hugepages: { "2Mi": -2 } }, 'resources.hugepages["2Mi"]', /negative/, -2],
    [{ hugepages: { "2MB": "2Mi" } }, 'resources.hugepages["2MB"]', /power of two/, "2Mi"],
    [{ hugepages: { "3Mi": "3Mi" } }, 'resources.hugepages["3Mi"]', /power of two/, "3Mi"],
    [{ hugepages: { "2Mi": 0, "2048Ki": 0 } }, 'resources.hugepages["2048Ki"]', /same page size as "2Mi"/],
    [{ hugepages: { "1Ki": 2n ** 64n } }, 'resources.hugepages["1Ki"]', /2\^64/, 2n ** 64n],
    [{ oomScoreAdj: 1001 }, "resources.oomScoreAdj", /-1000 to 1000/, 1001],
    [{ oomScoreAdj: -1001 }, "resources.oomScoreAdj", /-1000 to 1000/, -1001],
    [{ oomScoreAdj: 0.5 }, "resources.oomScoreAdj", /integer/, 0.5],
    [{ unified: { "memory/high": "1" } }, 'resources.unified["memory/high"]', /name of a cgroup file/, "1"],
    [
      { unified: { "../memory.high": "1" } },
      'resources.unified["../memory.high"]',
      /name of a cgroup file/,
      "1",
    ],
    [{ unified: { "memory.high": 1 } }, 'resources.unified["memory.high"]', /must be a string/, 1],
  ];
  for (const [spec, path, message, value] of rows) {
    const { problems } = read(spec);
    assert.equal(
      problems.length,
      1,
      JSON.stringify(problems, (_, v) => (typeof v === "bigint" ? `${v}n` : v)),
    );
    assert.equal(problems[0]?.path, path);
    assert.match(problems[0]?.message ?? "", message);
    assert.equal(problems[0]?.value, value, path);
  }
});

test("all invalid fields are reported at once; the requests of a pod's sums may exceed the limits", () => {
  const spec = {
    cpu: "a",
    memory: "b",
    requests: { cpu: "c", memory: "d" },
    oomScoreAdj: 5000,
    cpuPeriodUs: 0,
  };
  assert.deepEqual(
    new Set(read(spec).problems.map(({ path }) => path.replace("resources.", ""))),
    new Set(["cpu", "memory", "requests.cpu", "requests.memory", "oomScoreAdj", "cpuPeriodUs"]),
  );
  assert.deepEqual(numbers({ cpu: "100m", requests: { cpu: "600m" } }, { sums: true }), [614n, 10_000n, 0n]);
});

test("shares and quota stay in their range and grow with the amount", () => {
  const milli = fc.bigInt(-10n, 10n ** 12n);
  fc.assert(
    fc.property(milli, milli, fc.bigInt(1000n, 1_000_000n), (a, b, period) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      assert.ok(cpuShares(a) >= 2n && cpuShares(a) <= 262_144n);
      assert.ok(cpuShares(less) <= cpuShares(more));
      const quota = cpuQuota(a, period);
      assert.ok(a <= 0n ? quota === 0n : quota >= 1000n);
      assert.ok(cpuQuota(less, period) <= cpuQuota(more, period));
      // Above the minimum, rounding loses less than one microsecond.
      if (quota > 1000n) assert.ok(quota * 1000n <= a * period && (quota + 1n) * 1000n > a * period);
    }),
  );
  assert.deepEqual([cpuShares(1000n), cpuShares(1n), cpuShares(256_001n)], [1024n, 2n, 262_144n]);
  assert.deepEqual([cpuQuota(1500n), cpuQuota(1500n, 10_000n), cpuQuota(1n)], [150_000n, 15_000n, 1000n]);
});
