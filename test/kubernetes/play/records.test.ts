// Which process plays a pod: records that outlive a crash.
import assert from "node:assert/strict";
import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { isAlive, PlayRecords } from "../../../src/kubernetes/play/records.js";
import { ownProcessIdentity } from "../../../src/pods/index.js";
import { tempFolder } from "../../support/temp.js";
import { until } from "../../support/waiting.js";

const pod = { namespace: "test", name: "web", uid: "u-1" };

test("a pod has one player", async (t) => {
  const folder = await tempFolder(t);
  const records = new PlayRecords(folder);
  const claims = await Promise.allSettled(
    Array.from({ length: 8 }, () => new PlayRecords(folder).claim(pod)),
  );
  assert.equal(claims.filter(({ status }) => status === "fulfilled").length, 1);
  for (const claim of claims)
    if (claim.status === "rejected") assert.equal(claim.reason.reason, "name_reserved");
  const [record] = await records.named("test", "web");
  assert.ok(record && isAlive(record));
  await records.leave(pod);
  const [left] = await records.named("test", "web");
  assert.ok(left && !isAlive(left));
  await records.claim(pod);
  await records.release(pod.uid);
  assert.deepEqual(await records.named("test", "web"), []);
  assert.deepEqual(await readdir(join(folder, "played")), []);
});

test("the pod of a dead process can be claimed, also of one in another PID namespace", async (t) => {
  const folder = await tempFolder(t);
  const records = new PlayRecords(folder);
  await records.claim(pod);
  const path = join(folder, "played", "u-1.json");
  const [machine, boot, namespace, pid] = ownProcessIdentity().split("/");
  const dead = [machine, boot, namespace, pid, "1"].join("/");
  await writeFile(path, JSON.stringify({ ...pod, process: dead }));
  await records.claim(pod);
  assert.match(await readFile(path, "utf8"), new RegExp(ownProcessIdentity()));

  const unseen = [machine, boot, "1", pid, "1"].join("/");
  await writeFile(path, JSON.stringify({ ...pod, process: unseen }));
  await assert.rejects(records.claim(pod), { reason: "name_reserved" });
  const old = new Date(Date.now() - 120_000);
  await utimes(path, old, old);
  await records.claim(pod);
  await records.release(pod.uid);
});

test("a record that is damaged, as by a power failure, does not prevent that pods are played", async (t) => {
  const folder = await tempFolder(t);
  const records = new PlayRecords(folder);
  await records.claim({ ...pod, uid: "u-2" });
  for (const text of ["", "{}", "null", "\0\0"]) {
    await writeFile(join(folder, "played", "u-1.json"), text);
    assert.deepEqual(
      (await records.named("test", "web")).map(({ uid }) => uid),
      ["u-2"],
    );
    await records.claim(pod);
    assert.equal((await records.named("test", "web")).length, 2);
    await records.release(pod.uid);
  }
  await records.release("u-2");
  assert.deepEqual(await readdir(join(folder, "played")), []);
});

test("a uid that is no file name is refused", async (t) => {
  const records = new PlayRecords(await tempFolder(t));
  for (const uid of ["../x", "", ".x", "a/b"])
    await assert.rejects(records.claim({ ...pod, uid }), { reason: "invalid_spec" });
});

test("records of other processes are found by name, and those of this one without reading files", async (t) => {
  const folder = await tempFolder(t);
  const records = new PlayRecords(folder);
  const pods = Array.from({ length: 20 }, (_, n) => ({ ...pod, name: `web-${n % 10}`, uid: `u-${n}` }));
  for (const one of pods.slice(0, 10)) await records.claim(one);
  for (const one of pods.slice(10))
    await writeFile(join(folder, "played", `${one.uid}.json`), JSON.stringify({ ...one, process: "" }));
  const found = async () => (await records.named("test", "web-3")).map(({ uid }) => uid).sort();
  assert.deepEqual(await found(), ["u-13", "u-3"]);
  await writeFile(join(folder, "played", "u-3.json"), "not read");
  assert.deepEqual(await found(), ["u-13", "u-3"]);
  for (const { uid } of pods) await records.release(uid);
  assert.deepEqual(await found(), []);
});

test("pods that come and go do not delay the heartbeat of the others", async (t) => {
  const folder = await tempFolder(t);
  t.mock.timers.enable({ apis: ["setInterval"] });
  const records = new PlayRecords(folder);
  await records.claim(pod);
  const path = join(folder, "played", "u-1.json");
  const old = new Date(Date.now() - 60_000);
  await utimes(path, old, old);
  for (const uid of ["u-2", "u-3"]) {
    t.mock.timers.tick(12_000);
    await records.claim({ ...pod, uid });
    await records.release(uid);
  }
  await until(async () => (await stat(path)).mtimeMs > old.getTime() + 1_000, "the heartbeat", 5_000);
  await records.release(pod.uid);
});
