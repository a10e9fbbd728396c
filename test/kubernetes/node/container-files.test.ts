// What a container needs beside volumes: /etc/hosts, the termination log, log folders and links, propagation.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { MountPropagation, MountSchema } from "../../../gen/runtime/v1/api_pb.js";
import { hostsFilePath, podLogFolder, terminationLogPath } from "../../../src/kubernetes/node/pod-paths.js";
import { cleanup } from "../../support/cleanup.js";
import { failure } from "../../support/failure.js";
import { asRoot, containerOf, nodeOf, podOf, podUid } from "../../support/node-files.js";

const modeOf = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);
const id = "0123456789abcdef";

test("the log folder of a container exists before it, and all users may read it", async (t) => {
  const before = process.umask(0o077);
  cleanup(t, () => process.umask(before));
  const { files, podLogsDir } = await nodeOf(t);
  await files.prepareContainer(podOf(), containerOf());
  const folder = join(podLogsDir, `prod_web-0_${podUid}`);
  assert.deepEqual([modeOf(folder), modeOf(join(folder, "app"))], ["755", "755"]);
});

test("/etc/hosts is written in place: running containers see a change", async (t) => {
  const { rootDir, files } = await nodeOf(t);
  const hostPath = hostsFilePath(rootDir, podUid);
  const write = (content: string) =>
    files.prepareContainer(podOf(), containerOf({ hosts: { hostPath, content } }));
  await write("127.0.0.1\tlocalhost\n10.0.0.1\tweb-0\n");
  const { ino, mtimeMs } = statSync(hostPath);
  assert.equal(modeOf(hostPath), "644");
  await write("127.0.0.1\tlocalhost\n10.0.0.1\tweb-0\n");
  assert.equal(statSync(hostPath).mtimeMs, mtimeMs);
  await write("short\n");
  assert.deepEqual([readFileSync(hostPath, "utf8"), statSync(hostPath).ino], ["short\n", ino]);
});

test("the termination log is empty and writable for all users", async (t) => {
  const before = process.umask(0o077);
  cleanup(t, () => process.umask(before));
  const { rootDir, files } = await nodeOf(t);
  const path = terminationLogPath(rootDir, podUid, "app", "0000002a");
  assert.equal(path, join(rootDir, "pods", podUid, "containers/app/0000002a"));
  await files.prepareContainer(podOf(), containerOf({ terminationLog: path }));
  writeFileSync(path, "of an attempt before");
  await files.prepareContainer(podOf(), containerOf({ terminationLog: path }));
  assert.deepEqual([readFileSync(path, "utf8"), modeOf(path)], ["", "666"]);
});

test("links at the places of files are refused, not followed", async (t) => {
  const { folder, rootDir, files } = await nodeOf(t);
  const victim = join(folder, "victim");
  writeFileSync(victim, "untouched");
  const hostPath = hostsFilePath(rootDir, podUid);
  const terminationLog = terminationLogPath(rootDir, podUid, "app", "00000000");
  mkdirSync(join(rootDir, "pods", podUid, "containers/app"), { recursive: true });
  symlinkSync(victim, hostPath);
  symlinkSync(victim, terminationLog);
  for (const part of [{ hosts: { hostPath, content: "x" } }, { terminationLog }]) {
    const error = await failure(files.prepareContainer(podOf(), containerOf(part)));
    assert.match(error.message, /ELOOP/);
  }
  assert.equal(readFileSync(victim, "utf8"), "untouched");
});

test("a termination message has at most the last 4,096 bytes of a regular file", async (t) => {
  const { folder, files } = await nodeOf(t);
  const at = (name: string) => join(folder, name);
  writeFileSync(at("short"), "out of disk\n");
  writeFileSync(at("long"), `${"x".repeat(5000)}${"y".repeat(4095)}!`);
  writeFileSync(at("empty"), "");
  symlinkSync("short", at("link"));
  mkdirSync(at("folder"));
  execFileSync("mkfifo", [at("fifo")]);
  const server = createServer().listen(at("socket"));
  cleanup(t, () => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const read = (name: string) => files.readTerminationMessage(at(name));
  assert.equal(await read("short"), "out of disk\n");
  assert.equal(await read("long"), `${"y".repeat(4095)}!`);
  for (const name of ["empty", "link", "folder", "fifo", "socket", "missing", "short/below"])
    assert.equal(await read(name), "", name);
});

/** A node with a folder for links, and a log of a container. */
async function withLog(t: TestContext) {
  const node = await nodeOf(t, {});
  const containerLogsDir = join(node.folder, "containers");
  const { LocalNodeFiles } = await import("../../../src/kubernetes/node/local-node-files.js");
  const { rootDir, podLogsDir } = node;
  const files = new LocalNodeFiles({ rootDir, podLogsDir, containerLogsDir });
  await files.prepareContainer(podOf(), containerOf());
  const logPath = join(podLogsDir, `prod_web-0_${podUid}`, "app", "0.log");
  writeFileSync(logPath, "");
  return { ...node, withoutLinks: node.files, files, containerLogsDir, logPath };
}

test("the link to a log has the kubelet's name, and ends with the container", async (t) => {
  const { files, withoutLinks, containerLogsDir, logPath } = await withLog(t);
  const link = join(containerLogsDir, `web-0_prod_app-${id}.log`);
  await withoutLinks.linkLog(podOf(), "app", id, logPath);
  assert.equal(existsSync(containerLogsDir), false);
  await files.linkLog(podOf(), "app", "none", `${logPath}.missing`);
  assert.equal(existsSync(containerLogsDir), false);
  await files.linkLog(podOf(), "app", id, logPath);
  await files.linkLog(podOf(), "app", id, logPath);
  assert.equal(readlinkSync(link), logPath);
  const next = logPath.replace("0.log", "1.log");
  writeFileSync(next, "");
  await files.linkLog(podOf(), "app", id, next);
  assert.equal(readlinkSync(link), next);
  await files.removeContainer(podOf(), { name: "app", id });
  await files.removeContainer(podOf(), { name: "app", id });
  assert.deepEqual(readdirSync(containerLogsDir), []);
});

test("a removed container takes its termination log with it, and no other file", async (t) => {
  const { folder, rootDir, files } = await nodeOf(t);
  const path = terminationLogPath(rootDir, podUid, "app", "00000000");
  await files.prepareContainer(podOf(), containerOf({ terminationLog: path }));
  const other = join(folder, "other");
  writeFileSync(other, "");
  for (const reported of [other, `${rootDir}/pods/${podUid}/containers/../../../../other`, undefined, path])
    await files.removeContainer(podOf(), { name: "app", id, terminationMessageHostPath: reported });
  assert.deepEqual([existsSync(other), existsSync(path)], [true, false]);
});

test("removeLogs removes the folders and links of one pod", async (t) => {
  const { files, podLogsDir, containerLogsDir, logPath } = await withLog(t);
  const others = [`prod_web-0_x${podUid}`, podUid, `prod_web-0_${podUid}_x`];
  for (const name of others) mkdirSync(join(podLogsDir, name));
  await files.linkLog(podOf(), "app", id, logPath);
  symlinkSync(join(podLogsDir, others[0] ?? "", "x.log"), join(containerLogsDir, "other.log"));
  await files.removeLogs(podUid);
  await files.removeLogs(podUid);
  assert.deepEqual(readdirSync(podLogsDir).sort(), [...others].sort());
  assert.deepEqual(readdirSync(containerLogsDir), ["other.log"]);
});

test("names that lead elsewhere make no paths", () => {
  const names = ["", ".", "..", "a/b", "../x", "a\0"];
  for (const name of names) {
    assert.throws(() => hostsFilePath("/root", name), /must be a name without/, JSON.stringify(name));
    assert.throws(() => terminationLogPath("/root", podUid, name, "00000000"), /must be a name without/);
  }
  assert.throws(() => terminationLogPath("/root", podUid, "app", "../../x"), /eight hexadecimal digits/);
  assert.throws(() => podLogFolder("/logs", { namespace: "a/..", name: "b", uid: "c" }), /without/);
});

test("a mount that cannot propagate is refused with what to run", asRoot, async (t) => {
  const { folder, files } = await nodeOf(t);
  const place = join(folder, "place");
  mkdirSync(place);
  execFileSync("mount", ["-t", "tmpfs", "tmpfs", place]);
  cleanup(t, () => execFileSync("umount", [place]));
  const prepare = (propagation: MountPropagation, hostPath = join(place, "missing/below")) => {
    const mount = create(MountSchema, { hostPath, containerPath: "/data", propagation });
    return files.prepareContainer(podOf(), containerOf({}, { mounts: [mount] }));
  };
  const { PROPAGATION_PRIVATE, PROPAGATION_HOST_TO_CONTAINER, PROPAGATION_BIDIRECTIONAL } = MountPropagation;
  execFileSync("mount", ["--make-private", place]);
  await prepare(PROPAGATION_PRIVATE);
  await prepare(PROPAGATION_BIDIRECTIONAL, "");
  const error = await failure(prepare(PROPAGATION_BIDIRECTIONAL));
  assert.match(
    error.message,
    /container "app": mount of \/data: mountPropagation Bidirectional: \S+ is on \S+place, which is not a shared/,
  );
  assert.equal(error.hint, `Run: mount --make-rshared ${place}`);
  assert.match((await failure(prepare(PROPAGATION_HOST_TO_CONTAINER))).message, /HostToContainer/);
  execFileSync("mount", ["--make-shared", place]);
  await prepare(PROPAGATION_BIDIRECTIONAL);
  await prepare(PROPAGATION_HOST_TO_CONTAINER);
});
