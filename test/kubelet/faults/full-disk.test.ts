// The disk of volumes and logs is full: what needs it waits with an event, the others run on, and all starts when there is space again.
import assert from "node:assert/strict";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { kubeletNode, ListSource, onePod, untilPhase } from "../../support/kubelets.js";
import { asRoot } from "../../support/node-files.js";
import { smallDisk } from "../../support/small-disk.js";
import { until } from "../../support/waiting.js";
import { eventsOf } from "./support.js";

test(
  "a full disk: new Pods wait, those that run go on, and everything starts when there is space",
  asRoot,
  async (t) => {
    const disk = await smallDisk(t, 2 * 1024 * 1024);
    const node = await kubeletNode(t);
    const running = onePod("running", ["tick"]);
    const list = new ListSource("list", [running]);
    const kubelet = await node.start([list], { rootDir: join(disk, "kubelet") });
    await untilPhase(kubelet, "Running", "running");
    const id = kubelet.pod("test", "running")?.observed.containers[0]?.id;

    const filler = join(disk, "filler");
    const { bavail, bsize } = await statfs(disk);
    await writeFile(filler, Buffer.alloc(bavail * bsize, 1)).catch(() => undefined);
    assert.equal((await statfs(disk)).bavail, 0);
    const waiting = onePod("waiting", ["tick"], { volumes: [{ name: "v", emptyDir: {} }] });
    list.set(running, waiting);
    const failure = () => eventsOf(list.events, "waiting").find((text) => /ENOSPC|no space left/.test(text));
    await until(() => failure() !== undefined, "an event");
    assert.match(failure() ?? "", /^Warning Failed\w*: .*no space left on device/i);
    assert.equal(kubelet.pod("test", "waiting")?.status.phase, "Pending");
    assert.equal(kubelet.pod("test", "running")?.status.phase, "Running");

    await rm(filler);
    await untilPhase(kubelet, "Running", "waiting");
    assert.equal(kubelet.pod("test", "running")?.observed.containers[0]?.id, id);
    assert.equal(kubelet.pod("test", "running")?.status.containerStatuses?.[0]?.restartCount, 0);
    await kubelet.stop();
  },
);
