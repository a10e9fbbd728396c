import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import { connect } from "../../../src/index.js";
import { mountedPaths } from "../../../src/testing/embedded/host/mounted-paths.js";
import { EmbeddedRuntime } from "../../../src/testing/index.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox, sandboxConfig } from "../../support/embedded.js";
import { command, createIdleContainer, openDriver, run, sh } from "../../support/host-driver.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

test("a termination message arrives in the kubelet's file, and no file appears in /dev", async (t) => {
  const runtime = await EmbeddedRuntime.start({ preload: [busybox] });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const cri = connect.through({ transport: runtime.transport });
  cleanup(t, () => cri.close());
  const hostPath = `${await tempFolder(t)}/0a1b2c3d`;
  await writeFile(hostPath, "");
  const containerPath = `/dev/termination-log-${process.pid}`;
  cleanup(t, () => rm(containerPath, { force: true }));
  const config = sandboxConfig("a");
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const { containerId } = await cri.runtime.createContainer({
    ...{ podSandboxId, sandboxConfig: config },
    config: {
      metadata: { name: "c", attempt: 0 },
      image: { image: busybox },
      command: ["sh", "-c"],
      args: [`echo bye > ${containerPath}; exit 3`],
      mounts: [{ containerPath, hostPath }],
    },
  });
  await cri.runtime.startContainer({ containerId });
  await until(async () => {
    const { status } = await cri.runtime.containerStatus({ containerId });
    return status?.state === ContainerState.CONTAINER_EXITED && status.exitCode === 3;
  }, "the container exits");
  assert.equal(await readFile(hostPath, "utf8"), "bye\n");
  assert.equal(existsSync(containerPath), false);
});

test("arguments and variables lead to mounts, of files, folders and devices", async (t) => {
  const { driver } = await openDriver(t);
  const host = await tempFolder(t);
  await writeFile(`${host}/file`, "content\n");
  await writeFile(`${host}/tool`, "#!/bin/sh\necho tool $1\n", { mode: 0o755 });
  const { container } = await createIdleContainer(driver, {
    mounts: [
      { containerPath: "/etc/hosts", hostPath: `${host}/file`, readonly: true },
      { containerPath: "/var/run/cri-sdk-test/volume", hostPath: host, readonly: false },
    ],
    devices: [{ containerPath: "/dev/cri-sdk-zero", hostPath: "/dev/zero" }],
  });
  const output = async (spec: Parameters<typeof run>[2]) => (await run(driver, container, spec)).stdout;
  assert.equal(await output(command(["cat", "/etc/hosts"])), "content\n");
  assert.equal(await output(command(["cat", "/var/run/cri-sdk-test/volume/file"])), "content\n");
  assert.equal(await output(sh('cat "$FILE"', { env: { FILE: "/etc/hosts" } })), "content\n");
  assert.equal(await output(sh("head -c 3 /dev/cri-sdk-zero | wc -c")).then(Number), 3);
  const env = { PATH: "/usr/bin:/bin:/var/run/cri-sdk-test/volume" };
  assert.equal(await output(command(["tool", "x"], { env })), "tool x\n");
  // The folder's own name still works.
  assert.equal(
    await output(sh('cat "$CRI_SDK_ROOTFS"/etc/hosts $CRI_SDK_ROOTFS/etc/hosts')),
    "content\ncontent\n",
  );
});

test("where a path is replaced, and where it is not", () => {
  const mount = (containerPath: string, hostPath = "/h") => ({ containerPath, hostPath, readonly: false });
  const mounts = [mount("/dev/termination-log"), mount("/data/"), mount("/a.b"), mount("/same", "//same/")];
  const replace = mountedPaths("/R", { mounts, devices: [] });
  const replaced = {
    "/data": "/R/data",
    "//data/x": "/R/data/x",
    "--dir=/data/x": "--dir=/R/data/x",
    "cat </data/x>/dev/termination-log": "cat </R/data/x>/R/dev/termination-log",
    "cat '/data/x' \"/data\";ls /data": "cat '/R/data/x' \"/R/data\";ls /R/data",
    '{"dir":"/data","more":["/a.b"]}': '{"dir":"/R/data","more":["/R/a.b"]}',
    "/usr/bin:/data/bin": "/usr/bin:/R/data/bin",
    "$(cat /data/x)`cat /data/y`": "$(cat /R/data/x)`cat /R/data/y`",
    "unix:///data/s.sock": "unix:///R/data/s.sock",
  };
  for (const [text, expected] of Object.entries(replaced)) assert.equal(replace(text), expected);
  for (const text of [
    ...["/data2", "/data.old", "/data-x", "/datä", "/data$i", "/other/data", "./data", "a/data", "~/data"],
    ...["$X/data", '"$X"/data', "$(x)/data", "http://host/data", "http://data/x", "/axb", "/same/x", "data"],
  ])
    assert.equal(replace(text), text);
  // Such a folder would have to be quoted in a script.
  const spaced = mountedPaths("/R R", { mounts, devices: [] });
  assert.deepEqual([spaced("/data/x"), spaced("cat /data/x")], ["/R R/data/x", "cat /data/x"]);
});
