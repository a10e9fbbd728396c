// The ids of user namespaces: unique per pod, also among processes.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { failure } from "../../support/failure.js";
import { nodeOf } from "../../support/node-files.js";
import { runProgram } from "../../support/programs.js";

test("each pod has its own ids until it is removed, in the kubelet's file", async (t) => {
  const { rootDir, files } = await nodeOf(t);
  assert.equal(await files.userNamespaceHostId("one"), 65_536);
  assert.equal(await files.userNamespaceHostId("two"), 131_072);
  assert.equal(await files.userNamespaceHostId("one"), 65_536);
  const mapping = { hostId: 131_072, containerId: 0, length: 65_536 };
  assert.deepEqual(JSON.parse(readFileSync(join(rootDir, "pods/two/userns"), "utf8")), {
    uidMappings: [mapping],
    gidMappings: [mapping],
  });
  await files.removePod("one");
  assert.equal(await files.userNamespaceHostId("three"), 65_536);
  assert.equal(await files.userNamespaceHostId("four"), 196_608);
});

test("the range is that of the options, and its end is an error", async (t) => {
  const { files } = await nodeOf(t, { userNamespaceIds: { firstHostId: 1_048_576, pods: 2 } });
  assert.equal(await files.userNamespaceHostId("one"), 1_048_576);
  assert.equal(await files.userNamespaceHostId("two"), 1_114_112);
  const error = await failure(files.userNamespaceHostId("three"));
  assert.match(error.message, /hostUsers: all 2 ranges of user ids are used by other pods/);
});

test("a damaged file is an error, since its pod may use any ids", async (t) => {
  const { rootDir, files } = await nodeOf(t);
  mkdirSync(join(rootDir, "pods/other"), { recursive: true });
  const path = join(rootDir, "pods/other/userns");
  const mapping = { hostId: 65_536, containerId: 0, length: 65_536 };
  const texts = ["", "{", "null", "{}", `{"uidMappings":[{"hostId":1,"containerId":0,"length":65536}]}`];
  for (const text of texts) {
    writeFileSync(path, text);
    assert.match(
      (await failure(files.userNamespaceHostId("one"))).message,
      /is not a file with user id mappings/,
    );
  }
  writeFileSync(path, JSON.stringify({ uidMappings: [mapping] }));
  assert.equal(await files.userNamespaceHostId("one"), 131_072);
});

test("many calls of several processes at a time give different ids", async (t) => {
  const { rootDir, podLogsDir, files } = await nodeOf(t);
  const pods = (process: string) => Array.from({ length: 6 }, (_, index) => `${process}-${index}`);
  const outputs = await Promise.all(
    ["a", "b", "c"].map((name) =>
      runProgram("assign-user-namespaces.ts", [rootDir, podLogsDir, ...pods(name)]),
    ),
  );
  const ids = outputs.flatMap((output) => JSON.parse(output) as number[]);
  assert.equal(ids.length, 18);
  assert.deepEqual(
    [...ids].sort((one, other) => one - other),
    Array.from({ length: 18 }, (_, index) => (index + 1) * 65_536),
  );
  assert.equal((await files.listPods()).length, 18);
  assert.deepEqual(readdirSync(rootDir).sort(), ["pods", "user-namespaces.lock"]);
});
