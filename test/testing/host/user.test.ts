import assert from "node:assert/strict";
import { test } from "node:test";
import { containerUser, ownUser } from "../../../src/testing/embedded/host/user.js";
import { containerConfig, createContainer, openDriver, run, sh } from "../../support/host-driver.js";

const isRoot = process.geteuid?.() === 0;

const lookUp = (user: string | undefined, files: Readonly<Record<string, string>> = {}, more = {}) =>
  containerUser({
    user,
    imageFiles: new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])),
    ...{ supplementalGroups: [], mergeGroups: true },
    ...more,
  });

test("looks up uids, names and groups of this host", () => {
  assert.equal(lookUp(undefined), undefined);
  const user = (uid: number, gid: number) => ({ uid, gid, groups: [gid] });
  assert.deepEqual(lookUp("root"), user(0, 0));
  assert.deepEqual(lookUp("0"), user(0, 0));
  assert.deepEqual(lookUp("root:5"), user(0, 5));
  assert.deepEqual(lookUp("root:root"), user(0, 0));
  assert.deepEqual(lookUp("4321"), user(4321, 4321));
  assert.deepEqual(lookUp("4321:7"), user(4321, 7));
  for (const wrong of ["no-such-user", "1:x", "root:no-such-group", ":1", "1:2:3", "4294967295", "-1"])
    assert.throws(() => lookUp(wrong), { reason: "invalid_request" }, wrong);
});

test("looks up names in the files of the image, and merges the groups of its members", () => {
  const files = {
    "/etc/passwd": "root:x:0:0::/:/bin/sh\napp:x:1001:1002::/:/bin/sh\n",
    "/etc/group": "staff:x:50:app,other\nextra:x:60:app\nnone:x:70:\n",
  };
  assert.deepEqual(lookUp("app", files), { uid: 1001, gid: 1002, groups: [1002, 50, 60] });
  assert.deepEqual(lookUp("1001", files), { uid: 1001, gid: 1002, groups: [1002, 50, 60] });
  assert.deepEqual(lookUp("app:staff", files), { uid: 1001, gid: 50, groups: [50, 60] });
  const strict = { mergeGroups: false, supplementalGroups: [7] };
  assert.deepEqual(lookUp("app", files, strict), { uid: 1001, gid: 1002, groups: [1002, 7] });
  assert.throws(() => lookUp("daemon", files), { message: /user of the image/ });
  assert.throws(() => lookUp("app:nobody", files), { message: /no groups found/ });
});

test("a process runs as its user, with the groups that were requested and no others", {
  skip: !isRoot && "needs root",
}, async (t) => {
  const { driver } = await openDriver(t);
  for (const [supplementalGroups, expected] of [
    [[], [12345]],
    [
      [7, 12345, 8],
      [12345, 7, 8],
    ],
  ]) {
    const container = containerConfig({ user: "65534:12345", supplementalGroups: supplementalGroups ?? [] });
    const reported = await driver.create(container);
    assert.deepEqual(reported, { uid: 65534, gid: 12345, groups: expected });
    const { stdout } = await run(driver, container, sh("id -u; id -g; id -G"));
    const [uid, gid, groups = ""] = stdout.trim().split("\n");
    assert.deepEqual([uid, gid], ["65534", "12345"]);
    assert.deepEqual(new Set(groups.split(" ").map(Number)), new Set(expected));
  }
  await assert.rejects(driver.create(containerConfig({ user: "no-such-user" })), {
    reason: "invalid_request",
  });
});

test("groups are set on a terminal, too", { skip: !isRoot && "needs root" }, async (t) => {
  const { driver } = await openDriver(t);
  const container = await createContainer(driver, { supplementalGroups: [7, 8] });
  const { stdout } = await run(driver, container, sh("id -G; tty", { tty: true }));
  assert.match(stdout, /^0 7 8\r\n\/dev\/pts\//);
});

test("without a user, the user of this process is reported", async (t) => {
  const { driver } = await openDriver(t);
  const container = containerConfig();
  assert.deepEqual(await driver.create(container), ownUser());
  const { stdout } = await run(driver, container, sh("id -u; id -g; id -G"));
  const [uid, gid, groups = ""] = stdout.trim().split("\n");
  assert.deepEqual([Number(uid), Number(gid)], [ownUser().uid, ownUser().gid]);
  assert.deepEqual(new Set(groups.split(" ").map(Number)), new Set(ownUser().groups));
});

test("without root, another user and other groups are refused", {
  skip: isRoot && "runs as root",
}, async (t) => {
  const { driver } = await openDriver(t);
  for (const more of [{ user: "0" }, { supplementalGroups: [4_321_000] }]) {
    const container = await createContainer(driver, more);
    await assert.rejects(run(driver, container, sh("true")), {
      code: "failed_precondition",
      reason: "wrong_state",
    });
  }
});
