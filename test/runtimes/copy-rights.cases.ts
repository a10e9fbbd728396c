import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { NamespaceMode } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { containerConfig, type Pod, runPod, type Subject } from "./support.js";

const tools = ["BusyBox", "GNU"] as const;
const users = ["root", "user 1000", "root without capabilities"] as const;
type Tool = (typeof tools)[number];
type User = (typeof users)[number];

const securityContexts = {
  root: {},
  "user 1000": { runAsUser: { value: 1_000n }, runAsGroup: { value: 1_000n } },
  "root without capabilities": { capabilities: { dropCapabilities: ["ALL"] } },
};

/**
 * Copies GNU tar and the shell of this machine, with their libraries, into a folder that any image can mount. The shell of BusyBox
 * prefers its own tar to that of the PATH.
 */
function gnuTools(folder: string): void {
  for (const [name, program] of [
    ["tar", "gnu-tar"],
    ["sh", "this-sh"],
  ] as const) {
    const path = execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
    const libraries = execFileSync("ldd", [path], { encoding: "utf8" });
    const paths = libraries.split("\n").flatMap((line) => /(\/\S+)/.exec(line)?.[1] ?? []);
    for (const library of paths) copyFileSync(library, join(folder, basename(library)));
    copyFileSync(path, join(folder, program));
    const loader = basename(paths.find((library) => basename(library).startsWith("ld-")) ?? "");
    const start = `exec /opt/gnu/${loader} --library-path /opt/gnu --argv0 ${name} /opt/gnu/${program} "$@"`;
    writeFileSync(join(folder, name), `#!/bin/sh\n${start}\n`);
  }
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o755);
  chmodSync(folder, 0o755);
}

/** Cases for copies with both common tars, into containers whose user may not do everything. */
export function copyRightsCases(subject: () => Subject): void {
  let pod: Pod;
  let dir: string;
  let from: string;
  before(async () => {
    pod = await runPod(subject(), "copy-rights");
    dir = mkdtempSync(join(tmpdir(), "cri-sdk-copy-"));
    mkdirSync(join(dir, "gnu"));
    gnuTools(join(dir, "gnu"));
    from = fill(join(dir, "from"));
  });
  after(async () => {
    rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
    await pod?.[Symbol.asyncDispose]();
  });

  const start = async (tool: Tool, user: User) => {
    const { runtime } = subject().cri;
    const name = `${tool}-${user}`.toLowerCase().replaceAll(" ", "-");
    const config = {
      ...containerConfig(subject(), name, ["sleep", "3600"]),
      envs: [{ key: "PATH", value: Buffer.from("/opt/gnu:/bin") }],
      mounts:
        tool === "GNU" ? [{ hostPath: join(dir, "gnu"), containerPath: "/opt/gnu", readonly: true }] : [],
      // Process 1 is that of the container.
      linux: {
        securityContext: { ...securityContexts[user], namespaceOptions: { pid: NamespaceMode.CONTAINER } },
      },
    };
    const { podSandboxId, sandboxConfig } = pod;
    const { containerId } = await runtime.createContainer({ podSandboxId, config, sandboxConfig });
    await runtime.startContainer({ containerId });
    return containerId;
  };

  for (const tool of tools)
    for (const user of users)
      describe(`copies with the tar of ${tool}, as ${user}`, () => {
        let id: string;
        before(async () => {
          id = await start(tool, user);
        });
        const run = async (script: string) =>
          (await subject().cri.runCommand(id, ["sh", "-c", script])).stdout.trim();
        const statOf = (path: string, format: string) => run(`stat -c '${format}' '${path}'`);

        test("modes, times and links arrive, also over an earlier copy", async () => {
          const { cri } = subject();
          assert.match(await run("tar --version 2>&1"), tool === "GNU" ? /GNU tar/ : /busybox/i);
          for (let round = 0; round < 2; round++) {
            const { skipped } = await cri.copyTo(id, from, "/tmp/to");
            assert.equal(await run("cat /tmp/to/d/sub/file"), "here");
            const paths = ["f000", "f666", "future", "past", "d", "d/sub", "d/setgid"];
            assert.deepEqual(
              (await run(`cd /tmp/to && stat -c '%n %a %Y' ${paths.join(" ")}`)).split("\n"),
              paths.map((path) => {
                const { mode, mtimeMs } = statSync(join(from, path));
                return `${path} ${(mode & 0o7777).toString(8)} ${Math.floor(mtimeMs / 1_000)}`;
              }),
            );
            assert.equal(await run("readlink /tmp/to/long"), "é".repeat(90));
            const setuid = await statOf("/tmp/to/setuid", "%a");
            if (skipped.length === 0) assert.equal(setuid, "4755");
            else
              assert.deepEqual(
                skipped.map(({ path }) => path),
                ["setuid"],
              );
            assert.equal(skipped.length, tool === "BusyBox" && user === "user 1000" ? 1 : 0);
          }
          await cri.copyTo(id, { content: "x", mode: 0 }, "/tmp/none");
          assert.equal(await statOf("/tmp/none", "%a"), "0");
        });

        test("a folder whose earlier copy was cut off while its modes were set is completed", async () => {
          await run("chmod 700 /tmp/to/d; chmod 0 /tmp/to/d/sub");
          await subject().cri.copyTo(id, from, "/tmp/to");
          assert.equal(await statOf("/tmp/to/d/sub", "%a"), "555");
          assert.equal(await statOf("/tmp/to/d", "%a"), "551");
        });

        test("an owner is set, or the copy fails", async () => {
          const { cri } = subject();
          const owner =
            user === "user 1000" ? { uid: 0, gid: 0 } : { uid: 1_000_690_000, gid: 4_294_967_294 };
          const copies = [
            () => cri.copyTo(id, { content: "x" }, "/tmp/owned/file", { owner }),
            () => cri.copyTo(id, from, "/tmp/owned/folder", { owner }),
          ];
          for (const copy of copies) {
            if (user === "root") await copy();
            else assert.match((await failure(copy(), "copy_failed")).rawMessage, /^owner: .*cannot give/);
          }
          if (user === "root")
            assert.deepEqual(
              new Set(
                (await run("cd /tmp/owned && stat -c %u:%g file folder/d/sub folder/f000 folder/long")).split(
                  "\n",
                ),
              ),
              new Set([`${owner.uid}:${owner.gid}`]),
            );
          else assert.equal(await run("find /tmp/owned -type f -o -name '.cri*'"), "");
        });

        test("files of the kernel come with their content", async () => {
          const { cri } = subject();
          const to = join(dir, `kernel-${tool}-${user}`);
          await cri.copyFrom(id, "/proc/version", join(to, "version"));
          assert.equal(readFileSync(join(to, "version"), "utf8").trim(), await run("cat /proc/version"));
          await cri.copyFrom(id, "/proc/1/environ", join(to, "environ"));
          assert.match(readFileSync(join(to, "environ"), "utf8"), /PATH=\/opt\/gnu:\/bin\0/);
          const { files } = await cri.copyFrom(id, "/proc/sys/kernel/random", join(to, "random"));
          assert.equal(files, readdirSync(join(to, "random")).length);
          for (const name of readdirSync(join(to, "random")))
            assert.ok(statSync(join(to, "random", name)).size > 0, name);
          await cri.copyTo(id, "/proc/version", "/tmp/version");
          assert.equal(await run("cat /tmp/version"), readFileSync("/proc/version", "utf8").trim());
        });

        test("a folder without permissions comes back unchanged", async () => {
          const { cri } = subject();
          const back = join(dir, `back-${tool}-${user}`);
          await run("chmod u+r /tmp/to/f000");
          for (let round = 0; round < 2; round++) await cri.copyFrom(id, "/tmp/to", back);
          for (const path of ["f666", "future", "d", "d/sub"]) {
            const [copy, original] = [statSync(join(back, path)), statSync(join(from, path))];
            assert.equal(copy.mode, original.mode, path);
            assert.equal(Math.floor(copy.mtimeMs / 1_000), Math.floor(original.mtimeMs / 1_000), path);
          }
          // BusyBox's tar archives it as 1970.
          assert.equal(statSync(join(back, "past")).mtimeMs, tool === "GNU" ? -1_000_000 : 0);
        });
      });
}

/** Creates a folder with entries that are easily lost. */
function fill(folder: string): string {
  mkdirSync(join(folder, "d/sub"), { recursive: true });
  mkdirSync(join(folder, "d/setgid"));
  const files = { f000: 0, f666: 0o666, setuid: 0o4755, future: 0o600, past: 0o640, "d/sub/file": 0o444 };
  for (const [name, mode] of Object.entries(files)) {
    writeFileSync(join(folder, name), "here");
    chmodSync(join(folder, name), mode);
  }
  symlinkSync("é".repeat(90), join(folder, "long"));
  utimesSync(join(folder, "future"), 0, 2_524_608_000);
  utimesSync(join(folder, "past"), new Date(0), new Date(-1_000_000));
  const folders = { "d/setgid": 0o2755, "d/sub": 0o555, d: 0o551 };
  for (const [name, mode] of Object.entries(folders)) {
    chmodSync(join(folder, name), mode);
    utimesSync(join(folder, name), 0, 1_000_000);
  }
  return folder;
}
