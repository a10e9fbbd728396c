import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Cri } from "../../../src/index.js";
import { connect } from "../../../src/index.js";
import { EmbeddedRuntime, type RuntimeLike } from "../../../src/testing/index.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox, sandboxConfig, scripted } from "../../support/embedded.js";
import { within } from "../../support/waiting.js";

const profiles = [undefined, "containerd-1.7", "containerd-2.1", "cri-o"] as const satisfies readonly (
  | RuntimeLike
  | undefined
)[];

async function createWith(cri: Cri, more: object) {
  const name = `c${Math.random()}`;
  const sandbox = sandboxConfig(name);
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandbox });
  const config = { metadata: { name }, image: { image: busybox }, command: ["run"], ...more };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId, config, sandboxConfig: sandbox });
  const { status } = await cri.runtime.containerStatus({ containerId });
  const [listed] = (await cri.runtime.listContainers({ filter: { id: containerId } })).containers;
  assert.ok(status && listed);
  return { containerId, status, listed };
}

test("ContainerStatus.image is a tag, whatever the container was created by; the list has what it was created by", async (t) => {
  for (const like of profiles) {
    const { runtime, cri } = await scripted(t, { like });
    runtime.images.preload("quay.io/prometheus/busybox:latest");
    const { image } = await cri.image.imageStatus({ image: { image: busybox } });
    const id = image?.id ?? "";
    const digest = image?.repoDigests[0] ?? "";
    for (const reference of [id, busybox, "quay.io/prometheus/busybox:latest", digest]) {
      const spec = { image: reference, annotations: { a: "b" }, userSpecifiedImage: "mine:1" };
      const { status, listed } = await createWith(cri, { image: spec });
      assert.equal(status.image?.image, busybox, like);
      assert.equal(listed.image?.image, reference);
      // containerd's status has no other fields of the spec; its list has them.
      assert.equal(status.image?.userSpecifiedImage, like ? "" : "mine:1");
      assert.equal(listed.image?.userSpecifiedImage, "mine:1");
    }
    const { containerId } = await createWith(cri, { image: { image: id } });
    // CRI-O refuses to remove an image that is in use.
    if (like === "cri-o") continue;
    runtime.images.remove(id);
    const removed = await cri.runtime.containerStatus({ containerId });
    assert.equal(removed.status?.image?.image, id, "the image was removed");
  }
});

const user = (uid: bigint, gid: bigint, supplementalGroups: bigint[]) => ({ uid, gid, supplementalGroups });
const accounts = {
  "/etc/passwd": "root:x:0:0::/:/bin/sh\napp:x:1001:1002::/:/bin/sh\n",
  "/etc/group": "staff:x:50:app\n",
};
const images = [
  { names: [busybox] },
  { names: ["named.example/app:1"], user: "app:staff", files: accounts },
  { names: ["named.example/member:1"], user: "app", files: accounts },
  { names: ["named.example/unknown:1"], user: "somebody" },
  { names: ["named.example/missing:1"], user: "somebody", files: accounts },
];

test("ContainerStatus.user is what `id` says, the primary group included", async (t) => {
  const cases = [
    [{}, user(0n, 0n, [0n])],
    [{ runAsUser: { value: 1000n } }, user(1000n, 0n, [0n])],
    [
      { runAsUser: { value: 1000n }, runAsGroup: { value: 5n }, supplementalGroups: [7n, 5n, 8n] },
      user(1000n, 5n, [5n, 7n, 8n]),
    ],
    [{ supplementalGroups: [7n, 8n] }, user(0n, 0n, [0n, 7n, 8n])],
    [{ runAsUsername: "1000:1000" }, user(1000n, 1000n, [1000n])],
    [{ runAsUsername: "1000", runAsUser: { value: 5n } }, user(1000n, 0n, [0n])],
  ] as const;
  for (const like of profiles) {
    const { cri } = await scripted(t, { like });
    for (const [securityContext, expected] of cases) {
      const { status } = await createWith(cri, { linux: { securityContext: securityContext as object } });
      const linux = status.user?.linux;
      // containerd 1.7 does not know the field.
      if (like === "containerd-1.7") assert.equal(status.user, undefined);
      else assert.deepEqual(linux && user(linux.uid, linux.gid, linux.supplementalGroups), expected);
    }
  }
});

test("an image's user is looked up by name in its files, with its group", async (t) => {
  const preload = images.flatMap(({ names }) => names);
  const { cri } = await scripted(t, { images, preload });
  const userOf = async (image: string, securityContext = {}) => {
    const { status } = await createWith(cri, { image: { image }, linux: { securityContext } });
    const linux = status.user?.linux;
    return linux && user(linux.uid, linux.gid, linux.supplementalGroups);
  };
  assert.deepEqual(await userOf("named.example/app:1"), user(1001n, 50n, [50n]));
  assert.deepEqual(await userOf("named.example/member:1"), user(1001n, 1002n, [1002n, 50n]));
  const strict = { supplementalGroupsPolicy: 1, supplementalGroups: [9n] };
  assert.deepEqual(await userOf("named.example/member:1", strict), user(1001n, 1002n, [1002n, 9n]));
  assert.equal(await userOf("named.example/unknown:1"), undefined, "no file resolves the name");
  await assert.rejects(userOf("named.example/missing:1"), { message: /must be a user of the image/ });
});

test("a program gets its user, and the image's stop signal unless the config has one", async (t) => {
  const seen: unknown[] = [];
  const { runtime, cri } = await scripted(t, {
    images: [{ names: [busybox], stopSignal: "SIGQUIT" }],
    programs: {
      async run({ user, onSignal, clock, signal }) {
        seen.push(user?.uid);
        onSignal((name) => seen.push(name));
        await clock.sleep(3_600_000).catch(() => signal.reason);
      },
    },
  });
  void runtime;
  for (const [more, expected, reported] of [
    [{ linux: { securityContext: { runAsUser: { value: 3n } } } }, [3, "SIGQUIT"], 18],
    [{ stopSignal: 10 }, [0, "SIGINT"], 10],
  ] as const) {
    const { containerId, status } = await createWith(cri, more as object);
    assert.equal(status.stopSignal, reported);
    await cri.runtime.startContainer({ containerId });
    await cri.runtime.execSync({ containerId, cmd: ["nothing"], timeout: 1n }).catch(() => undefined);
    await cri.runtime.stopContainer({ containerId, timeout: 5n });
    assert.deepEqual(seen.splice(0), expected);
  }
  const { cri: strange } = await scripted(t, { images: [{ names: [busybox], stopSignal: "SIGRTMIN+3" }] });
  await assert.rejects(createWith(strange, {}), { message: /stop signal of this host/ });
});

test("memory that is available is reported where there is a limit", async (t) => {
  const { cri } = await scripted(t);
  const limit = 64n * 2n ** 20n;
  const { containerId } = await createWith(cri, { linux: { resources: { memoryLimitInBytes: limit } } });
  const { containerId: unlimited } = await createWith(cri, {});
  for (const id of [containerId, unlimited]) await cri.runtime.startContainer({ containerId: id });
  const memoryOf = async (id: string) =>
    (await cri.runtime.containerStats({ containerId: id })).stats?.memory;
  const memory = await memoryOf(containerId);
  assert.equal((memory?.availableBytes?.value ?? 0n) + (memory?.workingSetBytes?.value ?? 0n), limit);
  assert.equal((await memoryOf(unlimited))?.availableBytes, undefined);
  await cri.runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 2n } });
  assert.equal((await memoryOf(containerId))?.availableBytes?.value, 0n);
});

/** Starts a runtime whose containers are processes of this host. */
async function onHost(t: TestContext, more = {}) {
  const runtime = await EmbeddedRuntime.start({
    images,
    preload: images.flatMap(({ names }) => names),
    ...more,
  });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const cri = connect.through({ transport: runtime.transport });
  cleanup(t, () => cri.close());
  return cri;
}

test("on the host, the reported user is what `id` says", {
  skip: process.getuid?.() !== 0 && "needs root",
}, async (t) => {
  const cri = await onHost(t);
  for (const [image, securityContext] of [
    [busybox, {}],
    [busybox, { supplementalGroups: [7n, 8n] }],
    [busybox, { runAsUser: { value: 4321n }, supplementalGroups: [7n] }],
    [busybox, { runAsUser: { value: 4321n }, runAsGroup: { value: 9n } }],
    ["named.example/app:1", {}],
    ["named.example/member:1", {}],
  ] as const) {
    const { containerId, status } = await createWith(cri, {
      image: { image },
      command: ["sleep", "60"],
      linux: { securityContext },
    });
    await cri.runtime.startContainer({ containerId });
    const cmd = ["sh", "-c", "id -u; id -g; id -G"];
    const { stdout } = await cri.runtime.execSync({ containerId, cmd, timeout: 20n });
    const [uid, gid, groups = ""] = Buffer.from(stdout).toString().trim().split("\n");
    const linux = status.user?.linux;
    assert.deepEqual([linux?.uid, linux?.gid], [BigInt(uid ?? -1), BigInt(gid ?? -1)]);
    assert.deepEqual(new Set(linux?.supplementalGroups), new Set(groups.split(" ").map(BigInt)));
    assert.equal(linux?.supplementalGroups[0], linux?.gid);
  }
});
