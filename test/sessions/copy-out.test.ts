import assert from "node:assert/strict";
import { once } from "node:events";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pack } from "tar-stream";
import type { ExecContext } from "../../src/server/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { containerId, hostRuntime, temporaryFolder } from "./support.js";

type Fill = (archive: ReturnType<typeof pack>) => void;

/** Handlers of a container whose tar prints this archive and this error output, and exits with this code. */
const tarOf = (fill: Fill, errorOutput = "", exitCode = 0) => ({
  async exec({ stdout, stderr }: ExecContext) {
    const archive = pack();
    fill(archive);
    archive.finalize();
    for await (const part of archive) stdout?.write(part);
    if (errorOutput !== "") stderr?.write(errorOutput);
    return exitCode;
  },
});

test("a source that is a link is copied as its target", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "real/deep"), { recursive: true });
  writeFileSync(join(folder, "real/file"), "here");
  symlinkSync("real", join(folder, "folder"));
  symlinkSync("real/", join(folder, "slash"));
  symlinkSync("real/deep/..", join(folder, "up"));
  symlinkSync("folder/file", join(folder, "file"));
  symlinkSync(join(folder, "file"), join(folder, "twice"));
  // Its `..` is relative to real/deep, not to the folder of the link to it.
  symlinkSync("real/deep", join(folder, "elsewhere"));
  symlinkSync("../file", join(folder, "real/deep/parent"));
  for (const source of ["file", "twice", "elsewhere/parent"]) {
    const to = join(folder, "to", source);
    const { files, bytes, skipped } = await cri.copyFrom(containerId, join(folder, source), to);
    assert.deepEqual({ files, bytes, skipped }, { files: 1, bytes: 4, skipped: [] }, source);
    assert.ok(lstatSync(to).isFile());
    assert.equal(readFileSync(to, "utf8"), "here");
  }
  for (const source of ["folder", "slash", "up"]) {
    const to = join(folder, "to", source);
    const result = await cri.copyFrom(containerId, join(folder, source), to);
    assert.deepEqual([result.files, result.directories, result.links], [1, 2, 1], source);
    assert.ok(lstatSync(to).isDirectory());
    assert.equal(readFileSync(join(to, "file"), "utf8"), "here");
  }
});

test("a source that is a dangling or circular link fails the copy", async (t) => {
  const { cri, calls } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  symlinkSync("none", join(folder, "dangling"));
  symlinkSync("b", join(folder, "a"));
  symlinkSync("a", join(folder, "b"));
  const dangling = await failure(cri.copyFrom(containerId, join(folder, "dangling"), join(folder, "to")));
  assert.equal(dangling.reason, "copy_failed");
  const before = calls.length;
  const loop = await failure(cri.copyFrom(containerId, join(folder, "a"), join(folder, "to")));
  assert.equal(loop.reason, "copy_failed");
  assert.match(loop.rawMessage, /more than 10 links/);
  assert.equal(calls.length - before, 11);
  assert.equal(existsSync(join(folder, "to")), false);
});

const link = (archive: ReturnType<typeof pack>, name: string, linkname: string) =>
  archive.entry({ name: `x/${name}`, type: "symlink", linkname });
const leaks: readonly [string, Fill][] = [
  [
    "an existing link",
    (archive) => {
      archive.entry({ name: "x/d1/d2", type: "directory" });
      link(archive, "d1/d2/s", "..");
      link(archive, "leak", "d1/d2/s/../..");
    },
  ],
  [
    "a later link",
    (archive) => {
      archive.entry({ name: "x/d1/d2", type: "directory" });
      link(archive, "leak", "d1/d2/s/../..");
      link(archive, "d1/d2/s", "..");
    },
  ],
  [
    "a folder behind a link",
    (archive) => {
      archive.entry({ name: "x/d1/d2", type: "directory" });
      link(archive, "d1/d2/s", "../..");
      link(archive, "leak", "d1/d2/s/d1/../..");
    },
  ],
  [
    "the folder above and back",
    (archive) => {
      archive.entry({ name: "x/d1", type: "directory" });
      link(archive, "leak", "../to/d1");
    },
  ],
  [
    "a hard link to a link",
    (archive) => {
      archive.entry({ name: "x/d1/d2", type: "directory" });
      link(archive, "d1/d2/s", "../..");
      archive.entry({ name: "x/leak", type: "link", linkname: "x/d1/d2/s" });
    },
  ],
];
for (const [name, fill] of leaks)
  test(`a link that leads outside by way of ${name} is skipped`, async (t) => {
    const folder = temporaryFolder(t);
    const { cri } = await hostRuntime(t, tarOf(fill));
    const { skipped } = await cri.copyFrom(containerId, "/x", join(folder, "to"));
    assert.deepEqual(
      skipped.map(({ path }) => path),
      ["leak"],
    );
    assert.throws(() => readlinkSync(join(folder, "to/leak")));
  });

test("links that lead up but stay inside are created", async (t) => {
  const folder = temporaryFolder(t);
  const { cri } = await hostRuntime(
    t,
    tarOf((archive) => {
      archive.entry({ name: "x/d1/d2", type: "directory" });
      archive.entry({ name: "x/file" }, "here");
      link(archive, "d1/d2/up", "../../file");
      link(archive, "down", "d1/d2/../../file");
    }),
  );
  const { links, skipped } = await cri.copyFrom(containerId, "/x", join(folder, "to"));
  assert.deepEqual([links, skipped], [2, []]);
  for (const name of ["d1/d2/up", "down"])
    assert.equal(readFileSync(join(folder, "to", name), "utf8"), "here");
});

test("hard links to links and to skipped entries do not fail the copy", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const from = join(folder, "from");
  mkdirSync(from);
  writeFileSync(join(from, "file"), "here");
  for (const [name, target] of [
    ["in", "file"],
    ["out", "../secret"],
  ] as const) {
    symlinkSync(target, join(from, `${name}1`));
    linkSync(join(from, `${name}1`), join(from, `${name}2`));
  }
  const { links, skipped } = await cri.copyFrom(containerId, from, join(folder, "to"));
  assert.equal(links, 2);
  assert.deepEqual(skipped.map(({ path }) => path).sort(), ["out1", "out2"]);
  assert.deepEqual(
    ["in1", "in2"].map((name) => readlinkSync(join(folder, "to", name))),
    ["file", "file"],
  );
});

test("names that are not valid UTF-8 are skipped and overwrite no other file", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const from = join(folder, "from");
  mkdirSync(from);
  for (const byte of [0xe8, 0xe9]) {
    const file = Buffer.concat([Buffer.from(`${from}/`), Buffer.from([byte])]);
    writeFileSync(file, String(byte));
    // Node cannot remove this file with its folder.
    cleanup(t, () => unlinkSync(file));
  }
  symlinkSync(Buffer.from([0xe9]), join(from, "link"));
  linkSync(join(from, "link"), join(from, "again"));
  for (const name of ["\uFFFD", "é", "n".repeat(120), "é".repeat(60)]) writeFileSync(join(from, name), name);
  const { files, skipped } = await cri.copyFrom(containerId, from, join(folder, "to"));
  assert.equal(files, 4);
  assert.deepEqual(skipped.map(({ path }) => path).sort(), ["again", "link", "\uFFFD", "\uFFFD"]);
  assert.ok(skipped.every(({ reason }) => /not valid UTF-8/.test(reason)));
  for (const name of readdirSync(join(folder, "to")))
    assert.equal(readFileSync(join(folder, "to", name), "utf8"), name);
});

test("names in an extended header that are not valid UTF-8 are skipped", async (t) => {
  const folder = temporaryFolder(t);
  const { cri } = await hostRuntime(
    t,
    tarOf((archive) => {
      archive.entry({ name: "x/é", pax: {} }, "here");
      // tar-stream decodes invalid bytes to this character.
      archive.entry({ name: "x/\uFFFD", pax: {} }, "lost");
    }),
  );
  const { files, skipped } = await cri.copyFrom(containerId, "/x", join(folder, "to"));
  assert.deepEqual([files, skipped.length], [1, 1]);
  assert.deepEqual(readdirSync(join(folder, "to")), ["é"]);
});

const one: Fill = (archive) => {
  archive.entry({ name: "x", type: "directory" });
  archive.entry({ name: "x/a.log" }, "line\n");
};

test("files that change while they are read are copied and listed as skipped", async (t) => {
  const folder = temporaryFolder(t);
  const { cri } = await hostRuntime(
    t,
    tarOf(
      one,
      "tar: x/a.log: file changed as we read it\ntar: x/\\303\\266\\:\\n.log: File removed before we read it\n",
      1,
    ),
  );
  const { files, skipped } = await cri.copyFrom(containerId, "/x", join(folder, "to"));
  assert.equal(files, 1);
  assert.deepEqual(skipped, [
    { path: "a.log", reason: "was copied but changed while it was read" },
    { path: "ö:\n.log", reason: "was removed before it was read" },
  ]);
});

test("other errors of tar fail the copy", async (t) => {
  const folder = temporaryFolder(t);
  const changed = "tar: x/a.log: file changed as we read it\n";
  for (const [errorOutput, exitCode] of [
    [`${changed}tar: x/b: Cannot open: Permission denied\n`, 1],
    [`${changed}tar: cut`, 1],
    [changed, 2],
    ["", 1],
  ] as const) {
    const { cri } = await hostRuntime(t, tarOf(one, errorOutput, exitCode));
    const error = await failure(cri.copyFrom(containerId, "/x", join(folder, "to")));
    assert.equal(error.reason, "copy_failed", errorOutput);
  }
});

test("sockets are listed as skipped", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const from = join(folder, "from");
  mkdirSync(from);
  const server = createServer().listen(join(from, "ö:s"));
  await once(server, "listening");
  try {
    const { skipped } = await cri.copyFrom(containerId, from, join(folder, "to"));
    assert.deepEqual(skipped, [{ path: "ö:s", reason: "is a socket" }]);
  } finally {
    server.close();
  }
});

/** Reports a missing program as CRI-O does. */
function missing({ command: [name], stderr }: ExecContext): number {
  stderr?.write(
    `level=error msg="exec failed: unable to start container process: exec: \\"${name}\\": executable file not found in $PATH"\n`,
  );
  return 255;
}

test("a program that CRI-O does not find counts as missing", async (t) => {
  const folder = temporaryFolder(t);
  const run: string[] = [];
  const { cri } = await hostRuntime(t, {
    async exec(context) {
      run.push(context.command[0] ?? "");
      if (context.command[0] !== "cat") return missing(context);
      context.stdout?.write("contents");
      return 0;
    },
  });
  const { bytes } = await cri.copyFrom(containerId, "/x", join(folder, "to"));
  assert.equal(bytes, 8);
  assert.deepEqual(run, ["tar", "cat", "wc"]);
  const { cri: none } = await hostRuntime(t, { exec: async (context) => missing(context) });
  const error = await failure(none.copyFrom(containerId, "/x", join(folder, "to")));
  assert.match(error.rawMessage, /neither tar nor cat/);
});

test("a failure of wc does not fail the copy", async (t) => {
  const folder = temporaryFolder(t);
  const { cri } = await hostRuntime(t, {
    async exec(context) {
      const [name] = context.command;
      if (name === "tar") throw new Error('exec: "tar": executable file not found in $PATH');
      if (name === "wc") return 1;
      context.stdout?.write("contents");
      return 0;
    },
  });
  assert.equal((await cri.copyFrom(containerId, "/x", join(folder, "to"))).bytes, 8);
});

test("all commands share one deadline", async (t) => {
  const folder = temporaryFolder(t);
  const run: string[] = [];
  const { cri } = await hostRuntime(t, {
    async exec(context) {
      run.push(context.command[0] ?? "");
      await sleep(400);
      if (context.command[0] === "tar") throw new Error('exec: "tar": executable file not found in $PATH');
      if (context.command[0] === "cat") context.stdout?.write("abc");
      else context.stdout?.write("3 x");
      return 0;
    },
  });
  const work = cri.copyFrom(containerId, "/x", join(folder, "to"), { timeoutMs: 700 });
  const error = await failure(work);
  assert.equal(error.reason, "deadline");
  assert.match(error.rawMessage, /700 ms/);
  assert.equal(run.includes("wc"), false);
});

test("a file is not copied to a path that can only be a folder", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "file"), "x");
  symlinkSync("file", join(folder, "link"));
  for (const source of ["file", "link"])
    for (const target of [`${folder}/new/`, `${folder}/new/.`, `${folder}/new/..`, ".", "..", ""]) {
      const error = await failure(cri.copyFrom(containerId, join(folder, source), target));
      assert.deepEqual([error.reason, error.problems[0]?.path], ["invalid_request", "target"], target);
    }
  assert.equal(existsSync(join(folder, "new")), false);
  mkdirSync(join(folder, "from"));
  await cri.copyFrom(containerId, join(folder, "from"), `${folder}/new/`);
  assert.equal(existsSync(join(folder, "new")), true);
});
