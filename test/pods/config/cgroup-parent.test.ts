// The cgroup of a pod with either cgroup driver.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCriError } from "../../../src/core/index.js";
import { type CgroupParentOptions, cgroupParent } from "../../../src/pods/config/cgroup-parent.js";

const uid = "11111111-2222-3333-4444-555555555555";

test("names as in the kubelet", () => {
  const rows: readonly (readonly [string, CgroupParentOptions, string])[] = [
    ["1", { uid, driver: "cgroupfs", qos: "Guaranteed" }, `/kubepods/pod${uid}`],
    ["1, by default", { uid, driver: "cgroupfs" }, `/kubepods/pod${uid}`],
    [
      "2",
      { uid, driver: "systemd", qos: "Burstable" },
      "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice",
    ],
    [
      "3",
      { uid: "abc", driver: "systemd", qos: "BestEffort" },
      "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podabc.slice",
    ],
    [
      "cgroupfs, BestEffort",
      { uid: "abc", driver: "cgroupfs", qos: "BestEffort" },
      "/kubepods/besteffort/podabc",
    ],
    ["another root", { uid: "a", driver: "cgroupfs", root: ["my-sdk", "run_1"] }, "/my-sdk/run_1/poda"],
    [
      "another root",
      { uid: "a", driver: "systemd", root: ["my-sdk", "run_1"] },
      "/my_sdk.slice/my_sdk-run_1.slice/my_sdk-run_1-poda.slice",
    ],
    ["in a slice", { uid: "a", driver: "cgroupfs", root: ["my.slice"] }, "/my.slice/poda"],
    ["no root", { uid: "a", driver: "cgroupfs", root: [] }, "/poda"],
    ["no root", { uid: "a", driver: "systemd", root: [] }, "/poda.slice"],
  ];
  for (const [row, options, expected] of rows) assert.equal(cgroupParent(options), expected, row);
});

test("a missing uid is an invalid option", () => {
  const options = { driver: "cgroupfs" } as CgroupParentOptions;
  assert.throws(
    () => cgroupParent(options),
    (error) => isCriError(error) && error.reason === "invalid_option" && error.problems[0]?.path === "uid",
  );
});

test("invalid names, and names that would leave the cgroup tree, are rejected", () => {
  const invalid: readonly (readonly [Record<string, unknown>, string])[] = [
    ...["", "a/b", "..", "a b", "a\n", "ä"].map((bad) => [{ uid: bad }, "uid"] as const),
    ...["", "..", "a/b"].map((bad) => [{ root: ["kubepods", bad] }, "root[1]"] as const),
    [{ root: ["kube.slice"], driver: "systemd" }, "root[0]"],
    [{ uid: "a".repeat(300) }, "uid"],
    [{ uid: "a".repeat(250), driver: "systemd" }, "uid"],
    [{ driver: "CGROUPFS" }, "driver"],
    [{ qos: "guaranteed" }, "qos"],
  ];
  for (const [given, path] of invalid)
    assert.throws(
      // The cast stands for a caller without types.
      () => cgroupParent({ uid: "a", driver: "cgroupfs", ...given } as CgroupParentOptions),
      (error) => {
        assert.ok(isCriError(error) && error.reason === "invalid_spec", `${error}`);
        assert.deepEqual(
          error.problems.map((problem) => problem.path),
          [path],
          JSON.stringify(given),
        );
        return true;
      },
    );
});

test("with systemd each name begins with the one above and ends with .slice", () => {
  const part = fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}$/);
  fc.assert(
    fc.property(part, fc.array(part, { maxLength: 4 }), (pod, root) => {
      const units = cgroupParent({ uid: pod, driver: "systemd", root }).split("/").slice(1);
      assert.equal(units.length, root.length + 1);
      for (const [i, unit] of units.entries()) {
        assert.match(unit, /\.slice$/);
        const name = unit.slice(0, -".slice".length);
        assert.equal(name.split("-").length, i + 1);
        const above = units[i - 1]?.slice(0, -".slice".length);
        if (above !== undefined) assert.ok(name.startsWith(`${above}-`));
      }
    }),
  );
});
