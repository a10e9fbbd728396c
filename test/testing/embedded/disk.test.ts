import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import { mkdir, readdir, realpath, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../../src/index.js";
import { EmbeddedRuntime, VirtualClock } from "../../../src/testing/index.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox, scripted, start } from "../../support/embedded.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

test("file systems of host containers: the state folder, with the sizes of the containers' files", async (t) => {
  checkLeaks(t);
  const stateDir = join(await tempFolder(t), "state");
  const clock = new VirtualClock();
  const runtime = await EmbeddedRuntime.start({ stateDir, clock, preload: [busybox] });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const cri = connect.through({ transport: runtime.transport });
  cleanup(t, () => cri.close());
  const { containerId } = await start(cri, ["sleep", "60"]);
  const mountpoint = await realpath(stateDir);
  const measure = async () => {
    const { stats } = await cri.runtime.containerStats({ containerId });
    const { imageFilesystems, containerFilesystems } = await cri.image.imageFsInfo({});
    assert.deepEqual([imageFilesystems.length, containerFilesystems.length], [1, 1]);
    return { layer: stats?.writableLayer, images: imageFilesystems[0], containers: containerFilesystems[0] };
  };
  const first = await measure();
  for (const one of Object.values(first)) assert.equal(one?.fsId?.mountpoint, mountpoint);
  statfsSync(mountpoint);
  assert.ok((first.layer?.usedBytes?.value ?? 0n) > 0n);

  // Links are not followed: what they point to belongs to the host.
  const host = await tempFolder(t);
  await writeFile(`${host}/large`, Buffer.alloc(10_000_000, 1));
  const rootfs = `${stateDir}/containers/${containerId}/rootfs`;
  assert.ok((await readdir(rootfs)).includes("tmp"));
  await symlink(host, `${rootfs}/tmp/link`);
  await mkdir(`${rootfs}/data`);
  await writeFile(`${rootfs}/data/file`, Buffer.alloc(1_000_000, 1));
  const cached = await measure();
  assert.deepEqual(cached.layer, first.layer, "measured every 10 seconds");
  await clock.advance(10_000);
  const second = await measure();
  const grown = (second.layer?.usedBytes?.value ?? 0n) - (first.layer?.usedBytes?.value ?? 0n);
  assert.ok(grown >= 1_000_000n && grown < 1_100_000n, `${grown}`);
  assert.equal((second.layer?.inodesUsed?.value ?? 0n) - (first.layer?.inodesUsed?.value ?? 0n), 3n);
  assert.ok((second.layer?.timestamp ?? 0n) > (first.layer?.timestamp ?? 0n));
  // The node's file system has the files of all containers, also of those that are not running.
  const used = ({ containers }: typeof first) => containers?.usedBytes?.value ?? 0n;
  assert.equal(used(second), second.layer?.usedBytes?.value);
  await cri.runtime.stopContainer({ containerId, timeout: 0n });
  await start(cri, ["sleep", "60"], "b");
  const two = await cri.image.imageFsInfo({});
  assert.ok((two.containerFilesystems[0]?.usedBytes?.value ?? 0n) > used(second));
  assert.equal(two.imageFilesystems[0]?.usedBytes?.value, first.images?.usedBytes?.value);
});

test("file systems of programs: a folder that exists, without files", async (t) => {
  for (const like of [undefined, "containerd-1.7", "containerd-2.1", "cri-o"] as const) {
    const { cri } = await scripted(t, { like });
    const { containerId } = await start(cri, ["run"]);
    const { stats } = await cri.runtime.containerStats({ containerId });
    const { imageFilesystems, containerFilesystems } = await cri.image.imageFsInfo({});
    for (const one of [stats?.writableLayer, imageFilesystems[0], containerFilesystems[0]])
      statfsSync(one?.fsId?.mountpoint ?? "");
    assert.ok((imageFilesystems[0]?.usedBytes?.value ?? 0n) > 0n);
    assert.deepEqual(stats?.writableLayer?.usedBytes?.value, 0n);
  }
});
