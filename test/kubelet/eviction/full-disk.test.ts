import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EvictionManager, type EvictionParts } from "../../../src/kubelet/eviction/index.js";
import type { KubeletPod } from "../../../src/kubelet/index.js";
import type { NodeFacts } from "../../../src/kubernetes/index.js";
import { kubeletPodOf } from "../../support/kubelet-pods.js";
import { asRoot } from "../../support/node-files.js";
import { smallDisk } from "../../support/small-disk.js";
import { VirtualClock } from "../../support/virtual-clock.js";

test(
  "on a full disk, the pod with the largest volume or log goes first, until there is space again",
  asRoot,
  async (t) => {
    const disk = await smallDisk(t, 16 * 1024 * 1024);
    const { signal } = new AbortController();
    const clock = new VirtualClock();
    const [rootDir, podLogsDir] = [join(disk, "root"), join(disk, "logs")];
    const names = ["volume", "logs", "small"];
    const pods: KubeletPod[] = names.map((uid) =>
      kubeletPodOf({ uid, name: uid, spec: { volumes: [{ name: "v", emptyDir: {} }] } }),
    );
    const folderOf = (uid: string, kind: "volume" | "logs") =>
      kind === "volume"
        ? join(rootDir, "pods", uid, "volumes/kubernetes.io~empty-dir/v")
        : join(podLogsDir, `test_${uid}_${uid}`, "c");
    const write = async (uid: string, kind: "volume" | "logs", mebibytes: number) => {
      await mkdir(folderOf(uid, kind), { recursive: true });
      await writeFile(join(folderOf(uid, kind), "0.log"), Buffer.alloc(mebibytes * 1024 * 1024, 1));
    };
    await write("small", "volume", 1);
    await write("logs", "logs", 6);
    await write("volume", "volume", 8);
    const evicted: string[] = [];
    const parts: EvictionParts = {
      view: {
        ...{ clock, nodeName: "node", pods: () => pods, record: () => undefined },
        facts: () => ({ rootDir, podLogsDir }) as NodeFacts,
        cri: {
          stats: {
            containers: async () => ({ items: [], failed: [] }),
            pods: async () => ({ items: [], failed: [] }),
          },
          images: { fsInfo: async () => ({ images: [], containers: [] }) },
        },
        evict: (uid, { message }) => {
          evicted.push(uid);
          assert.match(message, /^The node was low on resource: ephemeral-storage\. Threshold quantity: \d+/);
          pods.splice(
            pods.findIndex(({ pod }) => pod.metadata.uid === uid),
            1,
          );
        },
      },
      relist: { isRunning: () => false },
      garbage: { collect: async () => undefined },
      imageGarbage: { removeUnused: async () => 0n },
    };
    const manager = new EvictionManager(parts, { hard: { "nodefs.available": "40%" } });
    assert.deepEqual(await manager.synchronize(signal), ["volume"]);
    assert.equal(manager.pressures().disk, true);
    // Its files are still there.
    assert.deepEqual(await manager.synchronize(signal), ["logs"]);
    await rm(folderOf("volume", "volume"), { recursive: true });
    await rm(folderOf("logs", "logs"), { recursive: true });
    assert.deepEqual(await manager.synchronize(signal), []);
    assert.deepEqual(evicted, ["volume", "logs"]);
    // Inodes run out, too.
    const many = join(rootDir, "many");
    await mkdir(many);
    for (let index = 0; index < 960; index++) await writeFile(join(many, `${index}`), "");
    pods.length = 0;
    const inodes = new EvictionManager(parts, { hard: { "nodefs.inodesFree": "5%" } });
    await inodes.synchronize(signal);
    assert.equal(inodes.pressures().disk, true);
  },
);
