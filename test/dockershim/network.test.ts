// The pod network of examples/dockershim, with stand-ins for the CNI plugins.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { attach, detach } from "../../examples/dockershim/network/attachment.js";
import { type Network, readNetwork } from "../../examples/dockershim/network/config.js";
import { PodNetwork } from "../../examples/dockershim/network/pod-network.js";
import { isCriError } from "../../src/index.js";
import { Protocol } from "../../src/v1.js";
import { until, within } from "../support/waiting.js";
import { FakePlugins, isolatedProcess, printing } from "./network-plugins.js";

const { signal } = new AbortController();

const network: Network = {
  name: "pods",
  cniVersion: "1.0.0",
  plugins: [
    { type: "bridge", ipam: { type: "host-local" } },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

async function installed(t: TestContext): Promise<FakePlugins> {
  const plugins = await FakePlugins.create(t);
  await plugins.install("bridge", printing("10.9.0.5/24", "fd00::5/64"));
  await plugins.install("portmap", printing("10.9.0.5/24", "fd00::5/64"));
  await plugins.install("host-local", "");
  await plugins.configure("10-pods.conflist", network);
  return plugins;
}

function target(plugins: FakePlugins, changes: { timeoutMs?: number } = {}) {
  const port = { hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "" };
  const attachment = {
    containerId: "docker-1-a",
    netns: "/proc/1/ns/net",
    args: "A=1",
    portMappings: [port],
  };
  return { network, attachment, binDirs: ["/nonexistent", plugins.binDir], timeoutMs: 30_000, ...changes };
}

function podNetwork({ confDir, binDir }: FakePlugins, owner = "docker-1"): PodNetwork {
  return new PodNetwork({ confDir, binDirs: [binDir], owner });
}

const pod = { id: "a", name: "web", namespace: "default", uid: "7", portMappings: [] };

test("each plugin receives the result of the previous one; the DEL goes in reverse with the last result", async (t) => {
  const plugins = await installed(t);
  const result = await attach(target(plugins), signal);
  await detach(target(plugins), result);
  const calls = await plugins.calls();
  const ips = [{ address: "10.9.0.5/24" }, { address: "fd00::5/64" }];
  const prevResult = { cniVersion: "1.0.0", ips };
  const common = { name: "pods", cniVersion: "1.0.0" };
  const bridge = { ...common, type: "bridge", ipam: { type: "host-local" } };
  const runtimeConfig = {
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "" }],
  };
  const portmap = {
    ...common,
    type: "portmap",
    capabilities: { portMappings: true },
    prevResult,
    runtimeConfig,
  };
  assert.deepEqual(
    calls.map(({ command, config }) => ({ command, config })),
    [
      { command: "ADD", config: bridge },
      { command: "ADD", config: portmap },
      { command: "DEL", config: portmap },
      { command: "DEL", config: { ...bridge, prevResult } },
    ],
  );
  const { containerId, netns, args, variables } = calls[0] ?? assert.fail();
  assert.deepEqual([containerId, netns, args], ["docker-1-a", "/proc/1/ns/net", "A=1"]);
  const names = ["ARGS", "COMMAND", "CONTAINERID", "IFNAME", "NETNS", "PATH"].map((name) => `CNI_${name}`);
  assert.equal(variables.trim(), [...names, "PATH"].join(" "));
});

test("after a failed ADD the plugins that were called are called with DEL, even if one of these fails", async (t) => {
  const plugins = await installed(t);
  await plugins.install("portmap", `echo '{"code": 7, "msg": "no port", "details": "8080"}'; exit 1`);
  await assert.rejects(attach(target(plugins), signal), (error) => {
    assert.ok(isCriError(error));
    assert.equal(error.rawMessage, "CNI plugin portmap (ADD) failed: no port: 8080");
    return error.reason === "runtime_error";
  });
  const sequence = ["bridge ADD", "portmap ADD", "portmap DEL", "bridge DEL"];
  assert.deepEqual(await plugins.sequence(), sequence);
  await assert.rejects(detach(target(plugins)), /portmap \(DEL\) failed/);
  assert.deepEqual(await plugins.sequence(), [...sequence, "portmap DEL"]);
});

test("a plugin that prints no error is reported by its stderr or its exit code", async (t) => {
  const plugins = await installed(t);
  for (const [script, text] of [
    ["echo broken >&2; exit 3", "CNI plugin bridge (ADD) failed: broken"],
    ["exec 0<&-; exit 3", "CNI plugin bridge (ADD) failed: exit code 3"],
    ["exit 0", "CNI plugin bridge (ADD) printed no result"],
  ] as const) {
    await plugins.install("bridge", script);
    await assert.rejects(attach(target(plugins), signal), { rawMessage: text });
  }
});

test("a plugin that hangs is killed with the programs that it has started", async (t) => {
  const plugins = await installed(t);
  const pidFile = join(plugins.dataDir, "pid");
  await plugins.install("bridge", `[ $CNI_COMMAND = DEL ] && exit; sleep 600 & echo $! >${pidFile}; wait`);
  const attempt = attach(target(plugins, { timeoutMs: 3_000 }), signal);
  await assert.rejects(within(20_000, attempt), {
    rawMessage: "CNI plugin bridge (ADD) failed: no end within 3000 ms",
  });
  const pid = Number(await readFile(pidFile, "utf8"));
  const state = async () => (await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "gone")).split(") ")[1];
  await until(async () => /^Z|^undefined/.test(`${await state()}`), "the grandchild has ended");
  assert.deepEqual(await plugins.sequence(), ["bridge ADD", "bridge DEL"]);
});

test("a cancellation waits for the plugin that runs, then removes the pod", async (t) => {
  const plugins = await installed(t);
  const controller = new AbortController();
  const reason = new Error("canceled");
  await plugins.install("bridge", `sleep 0.5; ${printing("10.9.0.5/24")}`);
  const attempt = attach(target(plugins), controller.signal);
  await until(async () => (await plugins.calls()).length === 1, "the first plugin runs");
  controller.abort(reason);
  await assert.rejects(attempt, reason);
  assert.deepEqual(await plugins.sequence(), ["bridge ADD", "bridge DEL"]);
});

test("the first file of the folder is the network, even if it is invalid", async (t) => {
  const plugins = await FakePlugins.create(t);
  const { confDir } = plugins;
  const fails = (text: RegExp) => assert.rejects(readNetwork(confDir), text);
  await fails(/contains no CNI configuration/);
  await plugins.configure("20.conf", { name: "single", type: "ptp" });
  await plugins.configure("00.txt", "{");
  await mkdir(join(confDir, "00.conf"));
  assert.deepEqual(await readNetwork(confDir), {
    name: "single",
    cniVersion: "0.1.0",
    plugins: [{ name: "single", type: "ptp" }],
  });
  for (const [config, text] of [
    ["{", /10\.conflist: .*JSON/],
    ["null", /name must be a string/],
    [{ name: "" }, /name must be a string/],
    [{ name: "a", plugins: [] }, /plugins must be a list/],
    [{ name: "a", plugins: {} }, /plugins must be a list/],
    [{ name: "a", plugins: [null] }, /the type of a plugin must be a string/],
    [{ name: "a" }, /the type of a plugin must be a string/],
  ] as const) {
    await plugins.configure("10.conflist", config);
    await fails(text);
  }
  await rm(confDir, { recursive: true });
  await fails(/ENOENT/);
});

test("the network is not usable without its configuration or one of its programs", async (t) => {
  const plugins = await installed(t);
  const pods = podNetwork(plugins);
  assert.equal(await pods.problem(), undefined);
  await rm(join(plugins.binDir, "host-local"));
  assert.equal(await pods.problem(), `CNI plugin host-local: no such program in ${plugins.binDir}`);
  await plugins.configure("00.json", "{}");
  assert.match(
    (await pods.problem()) ?? "",
    /the pod network is not usable: .*00\.json: name must be a string/,
  );
  assert.deepEqual(await pods.sweep(new Set()), []);
  await assert.rejects(pods.remove(pod), /the pod network is not usable/);
});

test("a pod of an earlier process, whose pause process has ended, is removed without namespace and result", async (t) => {
  const plugins = await installed(t);
  await podNetwork(plugins).remove({ ...pod, pid: 0 });
  const [portmap, bridge] = await plugins.calls();
  assert.equal(portmap?.command, "DEL");
  assert.equal(portmap.netns, "");
  assert.equal(portmap.containerId, "docker-1-a");
  assert.equal("runtimeConfig" in portmap.config, false);
  assert.equal("prevResult" in (bridge?.config ?? {}), false);
});

test("the host's network namespace is refused", async (t) => {
  const plugins = await installed(t);
  const pods = podNetwork(plugins);
  const host = { ...pod, pid: process.pid };
  await assert.rejects(pods.add(host, signal), { reason: "wrong_state" });
  await assert.rejects(pods.remove(host), { reason: "wrong_state" });
  assert.deepEqual(await plugins.calls(), []);
});

test("a removal waits for the ADD, and reaches the namespace of a pause process that has ended", async (t) => {
  const child = await isolatedProcess(t);
  if (!child) return;
  const { pid } = child;
  const plugins = await installed(t);
  const pods = podNetwork(plugins);
  const portMappings = [
    { protocol: Protocol.UDP, hostPort: 53, containerPort: 5353, hostIp: "127.0.0.1" },
    { protocol: Protocol.TCP, hostPort: 0, containerPort: 80, hostIp: "" },
  ];
  const withPorts = { ...pod, name: "web;K8S_POD_UID=8", portMappings, pid };
  await plugins.install("bridge", `sleep 0.5; ${printing("10.9.0.5/24", "fd00::5/64")}`);
  const adding = pods.add(withPorts, signal);
  await until(async () => (await plugins.calls()).length === 1, "the first plugin runs");
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  const removing = pods.remove({ ...withPorts, pid: 0 });
  assert.deepEqual(await adding, { ips: ["10.9.0.5", "fd00::5"] });
  await removing;
  assert.deepEqual(await plugins.sequence(), ["bridge ADD", "portmap ADD", "portmap DEL", "bridge DEL"]);
  const [added, , removed] = await plugins.calls();
  assert.equal(added?.netns, `/proc/${pid}/ns/net`);
  assert.equal(
    added.args,
    "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_INFRA_CONTAINER_ID=a;K8S_POD_UID=7",
  );
  assert.match(removed?.netns ?? "", new RegExp(`^/proc/${process.pid}/fd/\\d+$`));
  assert.deepEqual(removed?.config.runtimeConfig, {
    portMappings: [{ hostPort: 53, containerPort: 5353, protocol: "udp", hostIP: "127.0.0.1" }],
  });
});

test("the plugins of an earlier process are killed, with what they have started", async (t) => {
  const child = await isolatedProcess(t);
  if (!child) return;
  const plugins = await installed(t);
  await plugins.install("bridge", "[ $CNI_COMMAND = DEL ] || { sleep 60 & wait; }");
  // Runs of this file that are under way have other owners.
  const owner = `docker-${process.pid}`;
  const adding = assert.rejects(podNetwork(plugins, owner).add({ ...pod, pid: child.pid }, signal), /bridge/);
  await until(async () => (await plugins.calls()).length === 1, "the plugin runs");
  await podNetwork(plugins, owner).killOrphans();
  // The plugin has ended when nothing holds its output any more.
  await within(20_000, adding);
});

test("a sweep frees the addresses of this engine's pods that no longer exist", async (t) => {
  const plugins = await installed(t);
  const { dataDir } = plugins;
  const ipam = { type: "host-local", dataDir };
  await plugins.configure("10-pods.conflist", {
    ...network,
    plugins: [{ type: "bridge", ipam }, ...network.plugins.slice(1)],
  });
  const leases = join(dataDir, "pods");
  await mkdir(leases);
  for (const [file, content] of Object.entries({
    "10.9.0.2": "docker-1-gone\r\neth0",
    "fd00::2": "docker-1-gone\r\neth0",
    "10.9.0.3": "docker-1-living\r\neth0",
    "10.9.0.4": "docker-2-gone\neth0",
    "10.9.0.5": "containerd-pod",
    "10.9.0.6": "docker-1-stuck",
    "last_reserved_ip.0": "10.9.0.6",
    lock: "",
  }))
    await writeFile(join(leases, file), content);
  const pods = podNetwork(plugins);
  await plugins.install("bridge", "[ $CNI_CONTAINERID != docker-1-stuck ]");
  await assert.rejects(pods.sweep(new Set(["living"])), /1 leaked addresses were not freed/);
  await plugins.install("bridge", `rm -f '${leases}/10.9.0.6'`);
  assert.deepEqual(await pods.sweep(new Set(["living", "stuck"])), ["gone"]);
  const calls = await plugins.calls();
  assert.deepEqual(
    [...new Set(calls.map(({ containerId }) => containerId))],
    ["docker-1-gone", "docker-1-stuck"],
  );
  // Without a port the plugin would leave the rules of the pod.
  for (const { plugin, config } of calls) assert.equal("runtimeConfig" in config, plugin === "portmap");
  assert.equal((await readdir(leases)).includes("10.9.0.6"), false);
});
