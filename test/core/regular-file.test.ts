import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { constants } from "node:fs";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { openRegularFile, readRegularFile, readRegularFileSync } from "../../src/core/index.js";
import { cleanup } from "../support/cleanup.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";

const { O_APPEND, O_CREAT, O_WRONLY } = constants;

test("only regular files are opened, read and written, and nothing blocks", {
  timeout: 20_000,
}, async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const link = join(folder, "link");
  await symlink(pipe, link);
  const socket = join(folder, "socket");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  cleanup(t, () => void server.close());
  const kinds = [
    [pipe, "FIFO"],
    [link, "FIFO"],
    [socket, "socket"],
    ["/dev/zero", "device"],
    [folder, "folder"],
  ] as const;
  // More often than Node has threads for files.
  for (let round = 0; round < 8; round++)
    for (const [path, kind] of kinds) {
      const error = { refusal: "not_regular", message: `must be a regular file, but it is a ${kind}` };
      await assert.rejects(openRegularFile(path), error);
      await assert.rejects(openRegularFile(path, O_APPEND | O_CREAT | O_WRONLY), error);
      await assert.rejects(readRegularFile(path), error);
      assert.throws(() => readRegularFileSync(path), error);
    }
});

test("reads files up to a limit, and those whose size the system reports as 0", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "file");
  const content = Buffer.alloc(200_000, "abc");
  await writeFile(path, content);
  assert.ok((await readRegularFile(path, { maxBytes: 200_000 })).equals(content));
  assert.ok(readRegularFileSync(path, 200_000).equals(content));
  const tooLarge = { refusal: "too_large", message: "is larger than the limit of 199999 bytes" };
  await assert.rejects(readRegularFile(path, { maxBytes: 199_999 }), tooLarge);
  assert.throws(() => readRegularFileSync(path, 199_999), tooLarge);
  if (process.platform === "linux")
    assert.equal(String(await readRegularFile("/proc/version")), await readFile("/proc/version", "utf8"));
  await assert.rejects(readRegularFile(`${path}2`), { code: "ENOENT" });
  assert.throws(() => readRegularFileSync(`${path}2`), { code: "ENOENT" });
  await assert.rejects(readRegularFile(path, { signal: AbortSignal.abort() }), { name: "AbortError" });
  await assert.rejects(openRegularFile(`${path}2`), { code: "ENOENT" });
  const created = await openRegularFile(`${path}2`, O_APPEND | O_CREAT | O_WRONLY, 0o600);
  await created.appendFile("created");
  await created.close();
  assert.equal(readRegularFileSync(`${path}2`).toString(), "created");
});
