import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUser } from "../../../src/testing/embedded/host/user.js";
import { container, created, driverOf, run, sh } from "./support.js";

const isRoot = process.geteuid?.() === 0;

test("users are numbers or names of this host", () => {
  assert.equal(parseUser(undefined), undefined);
  assert.deepEqual(parseUser("root"), { uid: 0, gid: 0 });
  assert.deepEqual(parseUser("0"), { uid: 0, gid: 0 });
  assert.deepEqual(parseUser("root:5"), { uid: 0, gid: 5 });
  assert.deepEqual(parseUser("4321"), { uid: 4321, gid: 4321 });
  assert.deepEqual(parseUser("4321:7"), { uid: 4321, gid: 7 });
  for (const wrong of ["no-such-user", "1:x", ":1", "1:2:3", "4294967295", "-1"])
    assert.throws(() => parseUser(wrong), { reason: "invalid_request" }, wrong);
});

test("a process runs as its user, in groups of nobody else", { skip: !isRoot && "needs root" }, async (t) => {
  const { driver } = await driverOf(t);
  const one = await created(driver, { user: "65534:12345" });
  const { stdout } = await run(driver, one, sh("id -u; id -g; id -G; touch tmp/mine && echo wrote"));
  // Whether the container's folder is in reach depends on the folders above it; the test's own is not.
  assert.match(stdout, /^65534\n12345\n12345\n/);
  await assert.rejects(driver.create(container({ user: "no-such-user" })), { reason: "invalid_request" });
});

test("a user that only root may become is refused", { skip: isRoot && "runs as root" }, async (t) => {
  const { driver } = await driverOf(t);
  const one = await created(driver, { user: "0" });
  await assert.rejects(run(driver, one, sh("true")), { code: "failed_precondition", reason: "wrong_state" });
});
