// Volumes on this node: emptyDir, hostPath, files in memory, fsGroup and plug-ins.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { release } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { VolumePlan } from "../../../src/kubernetes/config/volume-plans.js";
import { LocalNodeFiles } from "../../../src/kubernetes/node/local-node-files.js";
import { volumeFolder } from "../../../src/kubernetes/node/pod-paths.js";
import { cleanup } from "../../support/cleanup.js";
import { failure } from "../../support/failure.js";
import {
  asRoot,
  emptyDirPlan,
  filesPlan,
  mountsBelow,
  nodeOf,
  podOf,
  podUid,
} from "../../support/node-files.js";

const tmpfs = 0x01021994;
const modeOf = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);

/** Prepares one volume. */
async function prepared(t: TestContext, plan: (rootDir: string) => VolumePlan, spec = {}) {
  const node = await nodeOf(t);
  const volume = plan(node.rootDir);
  const prepare = () => node.files.preparePod(podOf(spec), [volume]);
  const { notices } = await prepare();
  return { ...node, volume, prepare, notices };
}

test("the folders of a pod and of its logs exist, with the kubelet's modes, whatever the umask is", async (t) => {
  const before = process.umask(0o077);
  cleanup(t, () => process.umask(before));
  const node = await prepared(t, (rootDir) => emptyDirPlan(rootDir, "data"));
  const { rootDir, podLogsDir, volume } = node;
  assert.equal(modeOf(join(rootDir, "pods", podUid)), "750");
  assert.equal(modeOf(join(podLogsDir, `prod_web-0_${podUid}`)), "755");
  assert.equal(modeOf(volume.hostPath), "777");
  assert.equal(volume.hostPath, join(rootDir, "pods", podUid, "volumes/kubernetes.io~empty-dir/data"));
});

test("an emptyDir keeps its content and its mode when the pod is prepared again", async (t) => {
  const { volume, prepare } = await prepared(t, (rootDir) => emptyDirPlan(rootDir, "data"));
  writeFileSync(join(volume.hostPath, "file"), "kept");
  chmodSync(volume.hostPath, 0o700);
  await prepare();
  assert.equal(readFileSync(join(volume.hostPath, "file"), "utf8"), "kept");
  assert.equal(modeOf(volume.hostPath), "700");
});

test("an emptyDir in memory is a tmpfs of its size, and keeps its content", asRoot, async (t) => {
  const source = { medium: "Memory", sizeLimit: "1Mi" };
  const { rootDir, files, volume, prepare } = await prepared(t, (root) => emptyDirPlan(root, "shm", source));
  const { type, bsize, blocks } = statfsSync(volume.hostPath);
  assert.deepEqual([type, bsize * blocks], [tmpfs, 1 << 20]);
  assert.equal(modeOf(volume.hostPath), "777");
  writeFileSync(join(volume.hostPath, "file"), "kept");
  await prepare();
  assert.equal(readFileSync(join(volume.hostPath, "file"), "utf8"), "kept");
  assert.deepEqual(await mountsBelow(rootDir), [volume.hostPath]);
  assert.throws(() => writeFileSync(join(volume.hostPath, "large"), Buffer.alloc(2 << 20)), {
    code: "ENOSPC",
  });
  await files.removePod(podUid);
  assert.deepEqual(await mountsBelow(rootDir), []);
  assert.deepEqual(readdirSync(join(rootDir, "pods")), []);
});

test("the size of the plan takes precedence, and a volume without one is unlimited", asRoot, async (t) => {
  const plan = (root: string, sizeLimitBytes?: bigint) => ({
    ...emptyDirPlan(root, "shm", { medium: "Memory", sizeLimit: "1Mi" }),
    sizeLimitBytes,
  });
  const { volume } = await prepared(t, (root) => plan(root, 65_536n));
  const { bsize, blocks } = statfsSync(volume.hostPath);
  assert.equal(bsize * blocks, 65_536);
  const other = await prepared(t, (root) => emptyDirPlan(root, "shm", { medium: "Memory" }));
  const large = statfsSync(other.volume.hostPath);
  assert.ok(large.bsize * large.blocks > 1 << 24);
});

test("a tmpfs that a reboot removed is mounted again", asRoot, async (t) => {
  const { volume, prepare } = await prepared(t, (root) => emptyDirPlan(root, "shm", { medium: "Memory" }));
  execFileSync("umount", [volume.hostPath]);
  await prepare();
  assert.equal(statfsSync(volume.hostPath).type, tmpfs);
});

test("HugePages and unknown media are refused, and a limit on disk is reported", async (t) => {
  for (const medium of ["HugePages", "HugePages-2Mi"])
    assert.match(
      (await failure(prepared(t, (root) => emptyDirPlan(root, "huge", { medium })))).message,
      /volume "huge" : emptyDir.medium HugePages\S* is not supported/,
    );
  assert.match(
    (await failure(prepared(t, (root) => emptyDirPlan(root, "x", { medium: "Disk" })))).message,
    /emptyDir.medium "Disk" is unknown/,
  );
  const { notices, prepare } = await prepared(t, (root) => emptyDirPlan(root, "data", { sizeLimit: "1Gi" }));
  assert.deepEqual(notices, ['volume "data": emptyDir.sizeLimit is not enforced on disk']);
  assert.deepEqual((await prepare()).notices, []);
});

test("each type of hostPath checks or creates what it names", async (t) => {
  const { folder, files } = await nodeOf(t);
  const at = (name: string) => join(folder, name);
  mkdirSync(at("dir"));
  writeFileSync(at("file"), "content");
  symlinkSync("dir", at("link"));
  symlinkSync("nowhere", at("dangling"));
  const server = createServer().listen(at("socket"));
  cleanup(t, () => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const prepare = (type: string | undefined, path: string) => {
    const source = type === undefined ? { path } : { path, type };
    return files.preparePod(podOf(), [{ name: "host", kind: "hostPath", hostPath: path, source }]);
  };
  const rows: [type: string | undefined, name: string, error?: RegExp][] = [
    [undefined, "missing"],
    ["", "missing"],
    ["Directory", "dir"],
    ["Directory", "link"],
    ["Directory", "file", /hostPath type check failed: \S+ is not a directory/],
    ["Directory", "missing", /missing is not a directory/],
    ["Directory", "dangling", /dangling is not a/],
    ["Directory", "file/below", /below is not a directory/],
    ["File", "file"],
    ["File", "dir", /is not a file/],
    ["File", "missing", /missing is not a file/],
    ["Socket", "socket"],
    ["Socket", "file", /is not a socket file/],
    ["CharDevice", "file", /is not a character device/],
    ["BlockDevice", "dir", /is not a block device/],
    ["DirectoryOrCreate", "dir"],
    ["DirectoryOrCreate", "new/deep"],
    ["DirectoryOrCreate", "file", /is not a directory/],
    ["FileOrCreate", "file"],
    ["FileOrCreate", "new/file"],
    ["FileOrCreate", "nothing/file", /ENOENT/],
    ["FileOrCreate", "dir", /is not a file/],
    ["FileOrCreate", "dangling", /dangling is not a/],
    ["Folder", "dir", /hostPath.type "Folder" is unknown/],
    ["SocketOrCreate", "socket", /hostPath.type "SocketOrCreate" is unknown/],
    ["", "../up", /must be absolute, without ".."/],
  ];
  for (const [type, name, error] of rows) {
    const path = name === "../up" ? `${folder}/dir/../up` : at(name);
    if (error) assert.match((await failure(prepare(type, path))).message, error);
    else await prepare(type, path);
  }
  await prepare("CharDevice", "/dev/null");
  assert.match((await failure(prepare("", "relative"))).message, /must be absolute/);
  assert.deepEqual([existsSync(at("missing")), existsSync(at("nowhere"))], [false, false]);
  assert.deepEqual(
    [modeOf(at("new/deep")), modeOf(at("new")), modeOf(at("new/file"))],
    ["755", "755", "644"],
  );
  assert.equal(readFileSync(at("file"), "utf8"), "content");
});

test("a hostPath volume is not removed with the pod", async (t) => {
  const { folder, files } = await nodeOf(t);
  const path = join(folder, "host");
  const plan = {
    name: "host",
    kind: "hostPath",
    hostPath: path,
    source: { path, type: "DirectoryOrCreate" },
  } as const;
  await files.preparePod(podOf(), [plan]);
  await files.removePod(podUid);
  assert.ok(existsSync(path));
});

test("a secret is on a tmpfs only, and gone when the pod is removed", asRoot, async (t) => {
  const { rootDir, files, volume } = await prepared(t, (root) =>
    filesPlan(root, "tls", { key: "s3cret" }, { isSecret: true, mode: 0o400 }),
  );
  assert.equal(statfsSync(volume.hostPath).type, tmpfs);
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((one) => one.includes(volume.hostPath));
  assert.match(line ?? "", /nosuid,nodev/);
  const [major = 0, minor = 0] = release().split(".").map(Number);
  if (major > 6 || (major === 6 && minor >= 4)) assert.match(line ?? "", /noswap/);
  assert.equal(readFileSync(join(volume.hostPath, "key"), "utf8"), "s3cret");
  assert.equal((statSync(join(volume.hostPath, "key")).mode & 0o7777).toString(8), "400");
  execFileSync("umount", [volume.hostPath]);
  assert.deepEqual(readdirSync(volume.hostPath), [], "something was written below the tmpfs");
  await files.removePod(podUid);
  assert.deepEqual(readdirSync(join(rootDir, "pods")), []);
});

test("an update after the tmpfs was unmounted does not write the secret to disk", asRoot, async (t) => {
  const { files, volume } = await prepared(t, (root) =>
    filesPlan(root, "tls", { key: "old" }, { isSecret: true }),
  );
  execFileSync("umount", [volume.hostPath]);
  await files.updateVolumes(podOf(), [volume]);
  assert.equal(statfsSync(volume.hostPath).type, tmpfs);
  execFileSync("umount", [volume.hostPath]);
  assert.deepEqual(readdirSync(volume.hostPath), []);
});

test("fsGroup owns an emptyDir and the files of a volume", asRoot, async (t) => {
  const spec = { securityContext: { fsGroup: 4321 } };
  const { volume, files, rootDir } = await prepared(t, (root) => emptyDirPlan(root, "data"), spec);
  assert.deepEqual([lstatSync(volume.hostPath).gid, modeOf(volume.hostPath)], [4321, "2777"]);
  const plan = filesPlan(rootDir, "config", { "a/b": "text", top: "text" }, { mode: 0o400 });
  await files.preparePod(podOf(spec), [plan]);
  const path = (name: string) => join(plan.hostPath, "..data", name);
  const stats = (name: string) => [
    statSync(path(name)).gid,
    (statSync(path(name)).mode & 0o7777).toString(8),
  ];
  assert.deepEqual(
    [stats("top"), stats("a/b")],
    [
      [4321, "440"],
      [4321, "440"],
    ],
  );
  assert.deepEqual(
    [stats("a"), stats("")],
    [
      [4321, "2755"],
      [4321, "2755"],
    ],
  );
  const generation = statSync(path("")).ino;
  await files.updateVolumes(podOf(spec), [plan]);
  assert.equal(statSync(path("")).ino, generation, "was written again without a change");
});

test("a plan whose folder is elsewhere is refused", async (t) => {
  const { folder, rootDir, files } = await nodeOf(t);
  for (const hostPath of [folder, `${rootDir}/pods/${podUid}/volumes/../../x`]) {
    const plan = { ...emptyDirPlan(rootDir, "data"), hostPath };
    const error = await failure(files.preparePod(podOf(), [plan]));
    assert.match(error.message, /must be below/);
  }
});

const claim = (rootDir: string): VolumePlan => ({
  name: "data",
  kind: "plugin",
  hostPath: volumeFolder(rootDir, podUid, "plugin", "data"),
  volume: { name: "data", persistentVolumeClaim: { claimName: "db" } },
});

test("a volume without a plug-in is refused, with what to pass", async (t) => {
  const error = await failure(prepared(t, claim));
  assert.equal(error.reason, "volume_failed");
  assert.match(error.message, /volume "data" : this package cannot mount persistentVolumeClaim/);
  assert.match(error.hint ?? "", /plugins: \{ persistentVolumeClaim: async/);
});

test(
  "a plug-in mounts a volume, learns what is mounted, and its return value is called on removal",
  asRoot,
  async (t) => {
    const calls: unknown[] = [];
    const { rootDir, files } = await nodeOf(t, {
      plugins: {
        async persistentVolumeClaim(volume, target, { isMounted, fsGroup, pod, setOwnership }) {
          calls.push([volume.persistentVolumeClaim?.claimName, isMounted, fsGroup, pod.name]);
          if (!isMounted) {
            execFileSync("mount", ["-t", "tmpfs", "tmpfs", target]);
            mkdirSync(join(target, "sub"));
            execFileSync("mount", ["-t", "tmpfs", "tmpfs", join(target, "sub")]);
            writeFileSync(join(target, "file"), "");
          }
          await setOwnership();
          return () => void calls.push("unmount");
        },
      },
    });
    const configs = [claim(rootDir)];
    const pod = podOf({ securityContext: { fsGroup: 77 } });
    await files.preparePod(pod, configs);
    await files.preparePod(pod, configs);
    const file = lstatSync(join(claim(rootDir).hostPath, "file"));
    assert.deepEqual([file.gid, (file.mode & 0o777).toString(8)], [77, "664"]);
    assert.equal((await mountsBelow(rootDir)).length, 2);
    await files.removePod(podUid);
    assert.deepEqual(calls, [["db", false, 77, "web-0"], ["db", true, 77, "web-0"], "unmount"]);
    assert.deepEqual(await mountsBelow(rootDir), []);
  },
);

test(
  "OnRootMismatch leaves a volume alone whose topmost folder has the group and permissions",
  asRoot,
  async (t) => {
    const { rootDir, files } = await nodeOf(t, {
      plugins: {
        async persistentVolumeClaim(_volume, target, { setOwnership }) {
          writeFileSync(join(target, "file"), "", { flag: "a" });
          await setOwnership();
          return () => undefined;
        },
      },
    });
    const prepare = (fsGroupChangePolicy: string) =>
      files.preparePod(podOf({ securityContext: { fsGroup: 77, fsGroupChangePolicy } }), [claim(rootDir)]);
    const file = join(claim(rootDir).hostPath, "file");
    await prepare("OnRootMismatch");
    assert.equal(lstatSync(file).gid, 77);
    chmodSync(file, 0o600);
    await prepare("OnRootMismatch");
    assert.equal(modeOf(file), "600");
    await prepare("Always");
    assert.equal(modeOf(file), "660");
    chmodSync(file, 0o600);
    chmodSync(claim(rootDir).hostPath, 0o2700);
    await prepare("OnRootMismatch");
    assert.equal(modeOf(file), "660");
  },
);

test("options and pods are checked", async (t) => {
  const { folder, files } = await nodeOf(t);
  const refused = (options: object) => {
    try {
      new LocalNodeFiles({ rootDir: folder, podLogsDir: folder, ...options });
      return "accepted";
    } catch (error) {
      return String(error);
    }
  };
  assert.match(refused({ rootDir: "relative" }), /rootDir must be an absolute path/);
  assert.match(refused({ rootDir: undefined }), /rootDir is required/);
  assert.match(refused({ plugins: { pvc: () => undefined } }), /plugins\.pvc is not an option/);
  assert.match(refused({ plugins: { nfs: 1 } }), /plugins\.nfs must be a function/);
  assert.match(refused({ userNamespaceIds: { firstHostId: 1000, pods: 1 } }), /userNamespaceIds/);
  assert.match(refused({ withoutMounts: "yes" }), /must be "refuse" or "allow"/);
  const error = await failure(files.preparePod({ metadata: { name: "web-0" } }, []));
  assert.match(error.message, /need its uid, namespace and name/);
  assert.match((await failure(files.removePod("../x"))).message, /must be a name without/);
});

test("a file of a volume is read for fileKeyRef, and nothing outside of the volume", asRoot, async (t) => {
  const { folder, files, volume } = await prepared(t, (root) => emptyDirPlan(root, "data"));
  const at = (name: string) => join(volume.hostPath, name);
  writeFileSync(join(folder, "outside"), "secret");
  mkdirSync(at("dir"));
  writeFileSync(at("dir/env"), "A='b'");
  writeFileSync(at("large"), Buffer.alloc((1 << 20) + 1));
  symlinkSync("dir/env", at("inside"));
  symlinkSync(join(folder, "outside"), at("absolute"));
  symlinkSync("../../../../../../outside", at("relative"));
  execFileSync("mkfifo", [at("fifo")]);
  const read = (path: string) => files.readVolumeFile(volume, path);
  assert.deepEqual([read("dir/env"), read("inside")], ["A='b'", "A='b'"]);
  assert.deepEqual([read("none"), read("dir/env/below")], [undefined, undefined]);
  const rows = { absolute: /leads out of the volume/, relative: /leads out/, fifo: /not a regular file/ };
  for (const [path, expected] of Object.entries({
    ...rows,
    dir: /not a regular/,
    large: /more than 1048576/,
  }))
    assert.throws(() => read(path), expected, path);
  for (const path of ["../x", "/etc/passwd"]) assert.throws(() => read(path), /must be relative, without/);
});
