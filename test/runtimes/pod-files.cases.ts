// The volumes and files of a Pod in containers of a real runtime: what they see, what they can change, and that nothing is left.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  defaultPod,
  LocalNodeFiles,
  nodeFacts,
  type Pod,
  type PodInputs,
  planContainer,
  podPlan,
} from "../../src/kubernetes/index.js";
import { failure } from "../support/failure.js";
import { mountsBelow } from "../support/node-files.js";
import { until } from "../support/waiting.js";
import type { Subject } from "./support.js";

const uid = "0b1c2d3e-0000-4000-8000-00000000f11e";
const metadata = { name: "files", namespace: "play", uid, labels: { app: "files" } };

/** Prints what it sees, writes its message, and then the key whenever it changes. */
const script = `
cat /etc/app.conf /config/app.conf /tls/key /info/labels /etc/hosts
echo
echo group=$(stat -c %g /data) mode=$(stat -c %a /data) key=$(stat -L -c %a:%g /tls/key)
touch /data/mine && echo file=$(stat -c %u:%g /data/mine)
echo part=$(cd /part && pwd && touch /part/here && ls /data/deep/part)
head -c 2000000 /dev/zero 2>/dev/null > /shm/large || echo full
(echo x > /config/new) 2>/dev/null || echo read-only
(echo x > /etc/app.conf) 2>/dev/null || echo read-only
ln -s /etc /data/evil
ln -s ../../../../../../../etc /data/relative
echo stopped by the test > /dev/termination-log
while [ "$(cat /config/app.conf)" = one ]; do sleep 0.1; done
echo now $(cat /config/app.conf) but $(cat /etc/app.conf)
`;

function podOf(image: string, folder: string): Pod {
  return {
    metadata,
    spec: {
      securityContext: { fsGroup: 4321, runAsUser: 1000, runAsGroup: 1000 },
      hostAliases: [{ ip: "192.0.2.7", hostnames: ["db"] }],
      volumes: [
        { name: "data", emptyDir: {} },
        { name: "shm", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
        { name: "config", configMap: { name: "config" } },
        { name: "tls", secret: { secretName: "tls", defaultMode: 0o400 } },
        {
          name: "info",
          downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] },
        },
        { name: "host", hostPath: { path: `${folder}/host`, type: "DirectoryOrCreate" } },
      ],
      containers: ["app", "evil", "relative"].map((name) => ({
        name,
        image,
        command: ["sh", "-c", name === "app" ? script : "ls /evil"],
        volumeMounts:
          name === "app"
            ? [
                { name: "data", mountPath: "/data" },
                { name: "shm", mountPath: "/shm" },
                { name: "config", mountPath: "/config" },
                { name: "config", mountPath: "/etc/app.conf", subPath: "app.conf" },
                { name: "data", mountPath: "/part", subPath: "deep/part" },
                { name: "tls", mountPath: "/tls" },
                { name: "info", mountPath: "/info" },
                { name: "host", mountPath: "/host" },
              ]
            : [{ name: "data", mountPath: "/evil", subPath: name }],
      })),
    },
  };
}

export function podFilesCases(subject: () => Subject): void {
  test("containers see the volumes of a Pod, cannot leave them, and nothing is left", async () => {
    const { cri, running } = subject();
    const folder = `${running.dir}/pod-files`;
    const [rootDir, podLogsDir] = [join(folder, "root"), join(folder, "logs")];
    await mkdir(rootDir, { recursive: true });
    const node = await nodeFacts(cri, { rootDir, podLogsDir, cgroupRoot: running.cgroupParent });
    const image = running.images.busybox;
    const { id } = await cri.images.ensure(image);
    const pod = defaultPod(podOf(image, folder));
    const inputsOf = (text: string): PodInputs => ({
      configMaps: [{ metadata: { name: "config", namespace: "play" }, data: { "app.conf": text } }],
      secrets: [{ metadata: { name: "tls", namespace: "play" }, stringData: { key: "s3cret" } }],
      podIPs: ["192.0.2.1"],
      images: { [image]: { id } },
    });
    const files = new LocalNodeFiles({ rootDir, podLogsDir });
    const plan = podPlan(pod, node, inputsOf("one"));
    const prepared = await files.preparePod(pod, plan.volumes);
    assert.deepEqual(prepared.notices, []);
    const { sandbox } = plan;
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandbox });
    try {
      const planned = planContainer(pod, "app", node, inputsOf("one"));
      const { config } = await files.prepareContainer(pod, planned);
      const { containerId } = await cri.runtime.createContainer({
        podSandboxId,
        config,
        sandboxConfig: sandbox,
      });
      await cri.runtime.startContainer({ containerId });
      const log = () => readFile(join(sandbox.logDirectory, config.logPath), "utf8").catch(() => "");
      await until(async () => /read-only\n.*read-only/s.test(await log()), "the first output");
      const lines = (await log()).split("\n").map((line) => line.replace(/^\S+ \S+ \S+ /, ""));
      assert.equal(lines[0], `oneones3cretapp="files"# Kubernetes-managed hosts file.`);
      assert.ok(lines.includes("192.0.2.7\tdb"), lines.join("\n"));
      const expected = [
        "group=4321 mode=2777 key=440:4321",
        "file=1000:4321",
        "part=/part here",
        "full",
        "read-only",
      ];
      for (const line of expected) assert.ok(lines.includes(line), `${line} in\n${lines.join("\n")}`);
      assert.equal(lines.filter((line) => line === "read-only").length, 2);

      await files.updateVolumes(pod, podPlan(pod, node, inputsOf("two")).volumes);
      await until(async () => (await log()).includes("now two but one"), "the update");
      for (const name of ["evil", "relative"]) {
        const bad = planContainer(pod, name, node, inputsOf("one"));
        const error = await failure(files.prepareContainer(pod, bad));
        assert.match(
          error.message,
          /spec\.containers\[\d\]\.volumeMounts\[0\]\.subPath: .*leads out of the volume/,
        );
      }
      const message = config.mounts.find(({ containerPath }) => containerPath === "/dev/termination-log");
      assert.equal(await files.readTerminationMessage(message?.hostPath ?? ""), "stopped by the test\n");
      assert.ok((await mountsBelow(rootDir)).length >= 4);
    } finally {
      await cri.runtime.stopPodSandbox({ podSandboxId });
      await cri.runtime.removePodSandbox({ podSandboxId });
      await files.removePod(uid);
      await files.removeLogs(uid);
    }
    assert.deepEqual(await mountsBelow(rootDir), []);
    assert.deepEqual([readdirSync(join(rootDir, "pods")), readdirSync(podLogsDir)], [[], []]);
    assert.deepEqual(readdirSync(folder).sort(), ["host", "logs", "root"]);
  });
}
