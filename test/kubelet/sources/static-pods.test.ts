// Static pods from the files of a folder.
import assert from "node:assert/strict";
import { mkdir, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type StaticPodsOptions, staticPods } from "../../../src/kubelet/index.js";
import { cleanup } from "../../support/cleanup.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";
import { until } from "../../support/waiting.js";
import { type CollectingHost, startSource } from "./support.js";

const manifest = (name: string, image = "busybox") =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "main", image }] },
  });

async function startFolder(
  t: TestContext,
  folder: string,
  options?: StaticPodsOptions,
): Promise<CollectingHost> {
  const source = staticPods(folder, options);
  cleanup(t, () => source.close());
  const host = await startSource(source);
  await until(() => host.lists.length > 0 || host.events.length > 0, "the first list");
  return host;
}

/** Advances the clock so far that every change was read, and repeats it until the condition holds. */
async function whenRead(host: CollectingHost, condition: () => boolean, what: string): Promise<void> {
  await until(
    () => {
      if (condition()) return true;
      host.clock.advance(25_000);
      return false;
    },
    what,
    10_000,
  );
}

test("a file becomes a static pod: its name, uid, annotations and toleration", async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, "web.json"), manifest("web"));
  const host = await startFolder(t, folder);
  const [pod] = host.lists[0] ?? [];
  assert.equal(pod?.metadata?.name, "web-node1");
  assert.equal(pod?.metadata?.namespace, "default");
  assert.match(pod?.metadata?.uid ?? "", /^[0-9a-f]{32}$/);
  assert.equal(pod?.metadata?.annotations?.["kubernetes.io/config.source"], "file");
  assert.equal(pod?.metadata?.annotations?.["kubernetes.io/config.hash"], pod?.metadata?.uid);
  assert.equal(pod?.metadata?.annotations?.["kubernetes.io/config.seen"], "2026-01-01T00:00:00.000Z");
  assert.equal(pod?.spec?.nodeName, "node1");
  assert.deepEqual(pod?.spec?.tolerations, [{ operator: "Exists", effect: "NoExecute" }]);
});

test("files come, change and go: an edited Pod has another uid, an untouched one stays the same", async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, "a.yaml"), manifest("a"));
  const host = await startFolder(t, folder);
  await writeFile(join(folder, "b.yaml"), manifest("b"));
  await whenRead(host, () => host.names().length === 2, "the second pod");
  const [a1, b1] = host.lists.at(-1) ?? [];
  await writeFile(join(folder, "b.yaml"), manifest("b", "nginx"));
  await whenRead(host, () => host.lists.at(-1)?.[1]?.metadata?.uid !== b1?.metadata?.uid, "the edited pod");
  assert.deepEqual(host.lists.at(-1)?.[0], a1);
  assert.deepEqual(host.names(), ["a-node1", "b-node1"]);
  await unlink(join(folder, "a.yaml"));
  await whenRead(host, () => host.names().length === 1, "the removal");
  assert.deepEqual(host.names(), ["b-node1"]);
  assert.deepEqual(host.events, []);
});

test("a damaged file is reported once, and its pods go on until it is mended or removed", async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, "web.yaml");
  await writeFile(path, manifest("web"));
  await writeFile(join(folder, "other.yaml"), manifest("other"));
  const host = await startFolder(t, folder);
  const before = host.lists.at(-1);
  await writeFile(path, "apiVersion: v1\nkind: Pod\nmetadata: {name: web, nam: x}\n");
  await whenRead(host, () => host.events.length > 0, "the event");
  assert.match(host.events[0]?.message ?? "", /web\.yaml.*nam/s);
  assert.equal(host.events[0]?.reason, "InvalidManifest");
  assert.deepEqual(host.lists.at(-1), before);
  const { length } = host.lists;
  await whenRead(host, () => host.lists.length > length + 1, "two more looks");
  assert.equal(host.events.length, 1);
  await writeFile(path, manifest("web", "nginx"));
  await whenRead(
    host,
    () => host.lists.at(-1)?.[1]?.spec?.containers?.[0]?.image === "nginx",
    "the mended file",
  );
  await writeFile(path, "{");
  await whenRead(host, () => host.events.length === 2, "another event");
  await unlink(path);
  await whenRead(host, () => host.names().length === 1, "the removal");
});

test("an empty file, as an editor leaves it for a moment, does not stop its pods", async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, "web.yaml");
  await writeFile(path, manifest("web"));
  const host = await startFolder(t, folder);
  await writeFile(path, "");
  await whenRead(host, () => host.events.length > 0, "the event");
  assert.match(host.events[0]?.message ?? "", /web\.yaml: has no objects/);
  assert.deepEqual(host.names(), ["web-node1"]);
});

test("hidden files, those of editors, folders and FIFOs are no manifests; links to files are", async (t) => {
  const folder = await tempFolder(t);
  const elsewhere = await tempFolder(t);
  await writeFile(join(elsewhere, "web"), manifest("web"));
  await symlink(join(elsewhere, "web"), join(folder, "link.yaml"));
  await symlink("/no/such/file", join(folder, "dangling.yaml"));
  for (const name of [".hidden.yaml", "web.yaml~"]) await writeFile(join(folder, name), "{");
  await mkdir(join(folder, "folder"));
  await symlink("/dev/null", join(folder, "device.yaml"));
  const host = await startFolder(t, folder);
  assert.deepEqual(host.names(), ["web-node1"]);
  assert.deepEqual(
    host.events.map(({ message }) => message.replace(folder, "")),
    ["/device.yaml: must be a regular file, but it is a device"],
  );
});

test("two Pods of one name: the first file has it, and the other is reported", async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, "a.yaml"), manifest("web"));
  await writeFile(join(folder, "b.yaml"), manifest("web", "nginx"));
  const host = await startFolder(t, folder);
  assert.deepEqual(host.names(), ["web-node1"]);
  assert.match(host.events[0]?.message ?? "", /b\.yaml: the Pod default\/web-node1 is in .*a\.yaml already/);
});

test("ConfigMaps and Secrets of the folder are inputs, and a change of them syncs the pods", async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, "config.yaml");
  const text = (value: string) =>
    `kind: ConfigMap\napiVersion: v1\nmetadata: {name: c}\ndata: {a: ${value}}\n`;
  await writeFile(path, text("one"));
  const source = staticPods(folder);
  cleanup(t, () => source.close());
  const host = await startSource(source);
  await until(() => host.lists.length > 0, "the first list");
  const inputs = () => source.inputs?.({})?.configMaps?.[0]?.data?.a;
  assert.equal(inputs(), "one");
  const refreshes = host.refreshes();
  await writeFile(path, text("two"));
  await whenRead(host, () => inputs() === "two", "the change");
  assert.equal(host.refreshes(), refreshes + 1);
});

test("a folder that does not exist is empty, and is read when it appears; another one under its path is watched", async (t) => {
  const parent = await tempFolder(t);
  const folder = join(parent, "manifests");
  const host = await startFolder(t, folder);
  assert.deepEqual(host.names(), []);
  await mkdir(folder);
  await writeFile(join(folder, "a.yaml"), manifest("a"));
  await whenRead(host, () => host.names().length === 1, "the pod of the new folder");
  await rename(folder, join(parent, "old"));
  await mkdir(folder);
  await writeFile(join(folder, "b.yaml"), manifest("b"));
  await whenRead(host, () => host.names()[0] === "b-node1", "the pod of the other folder");
  await rm(folder, { recursive: true });
  await whenRead(host, () => host.names().length === 0, "no pods");
});

test("a change is read at once, without the interval", async (t) => {
  const folder = await tempFolder(t);
  const host = await startFolder(t, folder);
  // Less than the interval in all: only the watch can be the reason.
  await writeFile(join(folder, "a.yaml"), manifest("a"));
  await until(
    () => {
      if (host.names().length === 1) return true;
      if (host.clock.now() < Date.UTC(2026, 0, 1) + 10_000) host.clock.advance(100);
      return false;
    },
    "the pod",
    10_000,
  );
});

test("wrong arguments are refused by name, and a source serves one kubelet", async (t) => {
  assert.throws(() => staticPods("manifests"), /staticPods: folder must be an absolute path/);
  assert.throws(() => staticPods("/x", { interval: 5 } as StaticPodsOptions), /interval is not an option/);
  const source = staticPods(await tempFolder(t));
  cleanup(t, () => source.close());
  await startSource(source);
  assert.equal((await failure(startSource(source))).reason, "wrong_state");
});
