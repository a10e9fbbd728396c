import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { goArchitecture, readHostInfo } from "../../../src/kubelet/node/host-info.js";
import { HostFiles } from "../../../src/kubernetes/index.js";
import { hostOf } from "./host.js";

test("the machine is described by its files", async (t) => {
  const host = await hostOf(t, {
    "/proc/sys/kernel/random/boot_id": "boot-1\n",
    "/etc/machine-id": "machine-1\n",
    "/sys/class/dmi/id/product_uuid": "system-1\n",
    "/etc/os-release": 'NAME="Some Linux"\nVERSION_ID="12"\nPRETTY_NAME="Some Linux 12 (name)"\n',
  });
  const info = await readHostInfo(host);
  assert.deepEqual(info, {
    architecture: info.architecture,
    operatingSystem: "linux",
    kernelVersion: release(),
    osImage: "Some Linux 12 (name)",
    bootID: "boot-1",
    machineID: "machine-1",
    systemUUID: "system-1",
  });
});

const osReleases: readonly (readonly [text: string, expected: string])[] = [
  ["PRETTY_NAME='Single quotes'\n", "Single quotes"],
  ["PRETTY_NAME=Plain\nNAME=x\n", "Plain"],
  ["NAME=x\n", "Linux"],
  ["", "Linux"],
];

for (const [text, expected] of osReleases)
  test(`an os-release of ${JSON.stringify(text)} is ${expected}`, async (t) => {
    const host = await hostOf(t, { "/usr/lib/os-release": text });
    assert.equal((await readHostInfo(host)).osImage, expected);
  });

test("unreadable values are empty, and the machine id is used if the system UUID is missing", async (t) => {
  const without = await readHostInfo(await hostOf(t, {}));
  assert.deepEqual([without.bootID, without.machineID, without.systemUUID], ["", "", ""]);
  const dbus = await readHostInfo(
    await hostOf(t, { "/var/lib/dbus/machine-id": "m\n", "/etc/machine-id": "" }),
  );
  assert.equal(dbus.machineID, "m");
  const machine = await readHostInfo(await hostOf(t, { "/etc/machine-id": "m\n" }));
  assert.equal(machine.systemUUID, "m");
  const tree = await readHostInfo(await hostOf(t, { "/proc/device-tree/vm,uuid": "vm-1\0" }));
  assert.equal(tree.systemUUID, "vm-1");
});

test("this machine has a boot id", async () => {
  const { bootID, osImage } = await readHostInfo(new HostFiles());
  assert.match(bootID, /^[-0-9a-f]{36}$/);
  assert.notEqual(osImage, "");
});

test("architectures have Go's names", () => {
  const names = ["x64", "arm64", "arm", "ia32", "riscv64", "s390x", "loong64", "mipsel"];
  assert.deepEqual(
    names.map((name) => goArchitecture(name, "LE")),
    ["amd64", "arm64", "arm", "386", "riscv64", "s390x", "loong64", "mipsle"],
  );
  assert.equal(goArchitecture("ppc64", "LE"), "ppc64le");
  assert.equal(goArchitecture("ppc64", "BE"), "ppc64");
});
