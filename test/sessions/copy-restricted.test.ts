// Copies into containers whose user may not do everything, and by such a user out of them.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { failure } from "../support/failure.js";
import {
  containerId,
  hostRuntime,
  type RestrictedUser,
  restricted,
  temporaryFolder,
  withoutTar,
} from "./support.js";

const asRoot = { skip: process.getuid?.() !== 0 };
const users: readonly RestrictedUser[] = ["user 1000", "root without capabilities"];
const modeOf = (path: string) => statSync(path).mode & 0o7777;

/** A folder that the user of the container owns. */
function ownFolder(folder: string, user: RestrictedUser): string {
  chmodSync(folder, 0o755);
  const own = join(folder, "own");
  mkdirSync(own);
  if (user === "user 1000") chownSync(own, 1_000, 1_000);
  return own;
}

for (const user of users) {
  test(`an owner that ${user} cannot set is an error, and nothing is written`, asRoot, async (t) => {
    const { cri } = await hostRuntime(t, restricted(user));
    const folder = temporaryFolder(t);
    const own = ownFolder(folder, user);
    mkdirSync(join(folder, "from"));
    for (const source of [{ content: "x" }, join(folder, "from")]) {
      const owner = user === "user 1000" ? { uid: 0, gid: 0 } : { uid: 1_000, gid: 1_000 };
      const error = await failure(cri.copyTo(containerId, source, join(own, "a"), { owner }));
      assert.equal(error.reason, "copy_failed");
      assert.match(error.rawMessage, /^owner: .*cannot give files to .*not permitted/);
    }
    assert.deepEqual(
      readdirSync(own, { recursive: true }).filter((name) => name !== "a"),
      [],
    );
    // The owner that files have anyway is accepted.
    const owner = user === "user 1000" ? { uid: 1_000, gid: 1_000 } : { uid: 0, gid: 0 };
    await cri.copyTo(containerId, { content: "x" }, join(own, "b"), { owner });
    const { uid, gid } = statSync(join(own, "b"));
    assert.deepEqual({ uid, gid }, owner);
    withoutTar(t, folder);
    const refused = { uid: 7, gid: 7 };
    const error = await failure(
      cri.copyTo(containerId, { content: "x" }, join(own, "c"), { owner: refused }),
    );
    assert.match(error.rawMessage, /^owner: /);
    assert.equal(existsSync(join(own, "c")), false);
  });

  test(`folders without write permission are copied for ${user}, again and again`, asRoot, async (t) => {
    const { cri } = await hostRuntime(t, restricted(user));
    const folder = temporaryFolder(t);
    const own = ownFolder(folder, user);
    const from = join(folder, "from");
    mkdirSync(join(from, "d/sub/deep"), { recursive: true });
    for (const name of ["d/file", "d/sub/file", "d/sub/deep/file"]) writeFileSync(join(from, name), name);
    chmodSync(join(from, "d/sub/deep"), 0);
    chmodSync(join(from, "d/sub"), 0o555);
    chmodSync(join(from, "d"), 0o2500);
    for (let round = 0; round < 2; round++) {
      await cri.copyTo(containerId, from, join(own, "to"));
      assert.equal(readFileSync(join(own, "to/d/sub/deep/file"), "utf8"), "d/sub/deep/file");
      for (const name of ["d", "d/sub", "d/sub/deep"])
        assert.equal(modeOf(join(own, "to", name)), modeOf(join(from, name)), name);
    }
    // As a copy leaves it that was cut off while it set the modes.
    chmodSync(join(own, "to/d"), 0o700);
    await cri.copyTo(containerId, from, join(own, "to"));
    assert.equal(modeOf(join(own, "to/d")), 0o2500);
  });
}

test("a umask of the container does not change modes", asRoot, async (t) => {
  const { exec } = restricted("user 1000");
  const { cri } = await hostRuntime(t, {
    exec: (context) =>
      exec({ ...context, command: ["sh", "-c", 'umask 077; exec "$@"', "sh", ...context.command] }),
  });
  const folder = temporaryFolder(t);
  const own = ownFolder(folder, "user 1000");
  const from = join(folder, "from");
  mkdirSync(join(from, "sub"), { recursive: true });
  chmodSync(join(from, "sub"), 0o777);
  for (const mode of [0o666, 0o4755]) {
    writeFileSync(join(from, mode.toString(8)), "x");
    chmodSync(join(from, mode.toString(8)), mode);
  }
  await cri.copyTo(containerId, from, join(own, "to"));
  assert.equal(modeOf(join(own, "to/sub")), 0o777);
  for (const mode of [0o666, 0o4755]) assert.equal(modeOf(join(own, "to", mode.toString(8))), mode);
});

test(
  "a user copies folders without write permission out of a container, again and again",
  asRoot,
  async (t) => {
    const { cri } = await hostRuntime(t);
    const folder = temporaryFolder(t);
    const own = ownFolder(folder, "user 1000");
    const from = join(folder, "from");
    mkdirSync(join(from, "d/sub"), { recursive: true });
    for (const name of ["d/file", "d/sub/file"]) writeFileSync(join(from, name), name, { mode: 0o444 });
    for (const name of ["d/sub", "d", ""]) chmodSync(join(from, name), 0o555);
    const to = join(own, "to");
    const copy = () => asUser(1_000, () => cri.copyFrom(containerId, from, to));
    for (let round = 0; round < 2; round++) {
      await copy();
      for (const name of ["", "d", "d/sub"]) assert.equal(modeOf(join(to, name)), 0o555);
      assert.equal(readFileSync(join(to, "d/sub/file"), "utf8"), "d/sub/file");
    }
    // Nothing of the folder itself is readable for its owner any more.
    chmodSync(join(to, "d"), 0);
    await copy();
    assert.equal(modeOf(join(to, "d")), 0o555);
  },
);

/** Runs a function with the rights of another user. */
async function asUser<Result>(id: number, work: () => Promise<Result>): Promise<Result> {
  process.setegid?.(id);
  process.seteuid?.(id);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
