import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../../src/index.js";
import type { RuntimeLike } from "../../../src/testing/index.js";
import { ContainerState } from "../../../src/v1.js";
import { busybox, sandboxConfig, scripted, start } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";
import { until } from "../../support/waiting.js";

const missing = "f".repeat(64);

/** Measured on the real runtimes. */
const measured: Readonly<Record<RuntimeLike, readonly unknown[]>> = {
  "containerd-1.7": ["containerd", "unimplemented", "unknown", "unknown", "deadline_exceeded", /^sha256:/, 3],
  "containerd-2.1": [
    "containerd",
    "unimplemented",
    "failed_precondition",
    "unknown",
    "deadline_exceeded",
    /^sha256:/,
    3,
  ],
  "cri-o": ["cri-o", undefined, "the same id", "unknown", -1, /^[0-9a-f]{64}$/, 2],
};

for (const [like, expected] of Object.entries(measured) as [RuntimeLike, readonly unknown[]][])
  test(`${like}: its name, its missing RPCs, its codes, its ids`, async (t) => {
    const { runtime, cri } = await scripted(t, { like }, false);
    const events = cri.runtime.getContainerEvents({})[Symbol.asyncIterator]();
    const first = events.next();
    while (runtime.calls.of("getContainerEvents").length === 0) await new Promise(setImmediate);
    const { containerId, config, podSandboxId } = await start(cri, ["run"]);
    const code = (call: Promise<unknown>) =>
      call.then(
        () => undefined,
        (error) => error.code,
      );
    const metrics = await code(cri.runtime.listMetricDescriptors({}));
    const repeated = await cri.runtime.runPodSandbox({ config }).then(
      (response) => (response.podSandboxId === podSandboxId ? "the same id" : "another id"),
      (error) => error.code,
    );
    const startedTwice = await code(cri.runtime.startContainer({ containerId }));
    const late = await cri.runtime.execSync({ containerId, cmd: ["sleep", "60"], timeout: 1n }).then(
      ({ exitCode }) => exitCode,
      (error) => error.code,
    );
    const { imageRef } = await cri.image.pullImage({ image: { image: busybox } });
    const { runtimeName } = await cri.runtime.version({});
    // The events up to the container's creation.
    let count = 1;
    for (let event = await first; event.value?.containerId !== containerId; event = await events.next())
      count++;
    await events.return?.();
    const [name, ofMetrics, ofRepeated, ofState, ofTimeout, imageId, events1] = expected;
    assert.deepEqual(
      [runtimeName, metrics, repeated, startedTwice, late, count],
      [name, ofMetrics, ofRepeated, ofState, ofTimeout, events1],
    );
    assert.match(imageRef, imageId as RegExp);
    assert.equal((await failure(cri.runtime.containerStatus({ containerId: missing }))).code, "not_found");
  });

test("an unknown profile is refused", async (t) => {
  await assert.rejects(scripted(t, { like: "docker" as never }), { reason: "invalid_option" });
});

test("with normalization, all profiles fail with the same reasons", async (t) => {
  for (const like of [undefined, "containerd-1.7", "containerd-2.1", "cri-o"] as const) {
    const { cri } = await scripted(t, { like });
    const { containerId } = await start(cri, ["run"]);
    const reasons = [
      (await failure(cri.runtime.startContainer({ containerId }))).reason,
      (await failure(cri.runtime.execSync({ containerId, cmd: ["sleep", "60"], timeout: 1n }))).reason,
      (await failure(cri.runtime.containerStatus({ containerId: missing }))).reason,
      (await failure(cri.runtime.checkpointPod({ podSandboxId: missing, outputPath: "/tmp/checkpoint" })))
        .reason,
      (await failure(cri.image.pullImage({ image: { image: "docker.io/library/none:1" } }))).reason,
    ];
    assert.deepEqual(
      reasons,
      ["wrong_state", "exec_timeout", "object_missing", "unimplemented", "image_missing"],
      like,
    );
  }
});

for (const [like, expected] of [
  ["containerd-1.7", 4],
  ["containerd-2.1", 8],
] as const)
  test(`${like}: two subscribers receive ${expected} events in all when 4 are published`, async (t) => {
    const { runtime, cri } = await scripted(t, { like });
    let received = 0;
    const stop = new AbortController();
    const readers = [1, 2].map(async () => {
      for await (const _ of cri.runtime.getContainerEvents({}, { signal: stop.signal })) received++;
    });
    while (runtime.calls.of("getContainerEvents").length < 2) await new Promise(setImmediate);
    await start(cri, ["run"]);
    for (let tries = 0; received < expected && tries < 100; tries++) await new Promise(setImmediate);
    stop.abort();
    await Promise.allSettled(readers);
    assert.equal(received, expected);
  });

test("the required fields of a sandbox's metadata", async (t) => {
  for (const [like, ...expected] of [
    [undefined, "invalid_argument", undefined],
    ["containerd-2.1", undefined, undefined],
    ["cri-o", "unknown", "unknown"],
  ] as const) {
    const { runtime } = await scripted(t, { like });
    const cri = connect.through({ transport: runtime.transport, normalize: false, preflight: false });
    const codeOf = (metadata: object) =>
      cri.runtime.runPodSandbox({ config: { metadata } }).then(
        () => undefined,
        (error) => error.code,
      );
    const codes = [await codeOf({ namespace: "n", uid: "u" }), await codeOf({ name: "a", namespace: "n" })];
    assert.deepEqual(codes, expected, like);
    const none = await failure(cri.runtime.runPodSandbox({ config: {} }));
    assert.match(none.rawMessage, /metadata is missing/);
  }
});

test("what only CRI-O reports, or leaves out: a label of sandboxes, the stop signal, the usage of pods", async (t) => {
  for (const like of [undefined, "containerd-2.1", "cri-o"] as const) {
    const { cri } = await scripted(t, { like }, false);
    const { podSandboxId } = await start(cri, ["run"]);
    const labels = like === "cri-o" ? { "io.kubernetes.container.name": "POD" } : {};
    const { status } = await cri.runtime.podSandboxStatus({ podSandboxId });
    const { items } = await cri.runtime.listPodSandbox({ filter: { labelSelector: labels } });
    const { stats } = await cri.runtime.podSandboxStats({ podSandboxId });
    assert.deepEqual([status?.labels, items[0]?.labels, stats?.attributes?.labels], [labels, labels, labels]);
    const isSet = like !== "cri-o";
    const { cpu, memory, process, network, containers } = stats?.linux ?? {};
    assert.deepEqual([cpu, memory, process].map(Boolean), [isSet, isSet, isSet], like);
    assert.deepEqual([Boolean(network), containers?.length], [true, 1]);
    const { containerId } = await cri.runtime.createContainer({
      ...{ podSandboxId, sandboxConfig: sandboxConfig("a") },
      config: { metadata: { name: "d" }, image: { image: busybox }, command: ["run"], stopSignal: 10 },
    });
    const ofContainer = await cri.runtime.containerStatus({ containerId });
    assert.equal((ofContainer.status?.stopSignal ?? 0) > 0, like === undefined, like);
  }
});

test("label filters: an empty value selects what lacks the label only on CRI-O", async (t) => {
  for (const like of [undefined, "containerd-2.1", "cri-o"] as const) {
    const { cri } = await scripted(t, { like });
    const { podSandboxId, containerId } = await start(cri, ["run"]);
    const select = async (labelSelector: Record<string, string>) => {
      const filter = { labelSelector };
      const { items } = await cri.runtime.listPodSandbox({ filter });
      const { containers } = await cri.runtime.listContainers({ filter });
      const { stats } = await cri.runtime.listContainerStats({ filter });
      return [...items, ...containers, ...stats.map(({ attributes }) => attributes)].map((one) => one?.id);
    };
    const all = [podSandboxId, containerId, containerId];
    assert.deepEqual(await select({ none: "" }), like === "cri-o" ? all : [], like);
    assert.deepEqual(await select({ none: "a" }), []);
    assert.deepEqual(await select({}), all);
  }
});

test("times of a container: CRI-O has two for its creation, and StopContainer changes that of its end", async (t) => {
  for (const like of [undefined, "containerd-2.1", "cri-o"] as const) {
    const { cri } = await scripted(t, { like });
    const { containerId } = await start(cri, ["exit", "0"]);
    const status = async () => (await cri.runtime.containerStatus({ containerId })).status;
    await until(async () => (await status())?.state === ContainerState.CONTAINER_EXITED, "it has exited");
    const { containers } = await cri.runtime.listContainers();
    const first = await status();
    const [listed = 0n, reported = 0n] = [containers[0]?.createdAt, first?.createdAt];
    assert.equal(reported > listed, like === "cri-o", like);
    assert.ok(reported >= listed && reported <= (first?.startedAt ?? 0n));
    await cri.runtime.stopContainer({ containerId, timeout: 0n });
    const finishedAt = (await status())?.finishedAt ?? 0n;
    assert.equal(finishedAt > (first?.finishedAt ?? 0n), like === "cri-o", like);
    assert.deepEqual({ ...(await status()), finishedAt: 0n }, { ...first, finishedAt: 0n });
  }
});

test("a short name: CRI-O fails where it has no alias; with normalization, the image is missing everywhere", async (t) => {
  for (const like of [undefined, "containerd-2.1", "cri-o"] as const) {
    const { cri } = await scripted(t, { like });
    const { podSandboxId, config } = await start(cri, ["run"]);
    const spec = (image: string) => ({ image: { image } });
    // The catalogue has other tags of BusyBox on Docker Hub, so that there is an alias.
    for (const name of ["busybox:none", "library/busybox:none", "docker.io/nothing", "quay.io/a/b"])
      assert.equal((await cri.image.imageStatus(spec(name))).image, undefined, name);
    assert.equal((await cri.image.imageStatus(spec("busybox:1.37"))).image?.repoTags[0], busybox);
    const container = { metadata: { name: "d" }, ...spec("nothing") };
    const calls = {
      status: () => cri.image.imageStatus(spec("nothing")),
      remove: () => cri.image.removeImage(spec("nothing")),
      pull: () => cri.image.pullImage(spec("nothing")),
      create: () => cri.runtime.createContainer({ podSandboxId, config: container, sandboxConfig: config }),
    };
    const texts: [string, string][] = [];
    for (const [name, call] of Object.entries(calls))
      await call().catch((error) => {
        assert.deepEqual([error.code, error.reason], ["not_found", "image_missing"], name);
        texts.push([name, error.rawMessage]);
      });
    if (like === "cri-o") {
      // CRI: the removal of a missing image succeeds.
      assert.deepEqual(
        texts.map(([name]) => name),
        ["status", "pull", "create"],
      );
      for (const [, text] of texts) assert.match(text, /^short-name "nothing:latest" did not resolve/);
    } else assert.deepEqual(texts.map(([name]) => name).sort(), ["create", "pull"]);
    assert.equal(await cri.images.get("nothing"), undefined);
    assert.equal(await cri.images.remove("nothing"), undefined);
  }
});

test("RemoveImage: CRI-O takes one name off, keeps the image for a digest, and refuses for an image in use", async (t) => {
  for (const like of [undefined, "containerd-2.1", "cri-o"] as const) {
    const other = "quay.io/prometheus/busybox:latest";
    const { runtime, cri } = await scripted(t, { like, preload: [busybox, other] });
    const { containerId } = await start(cri, ["run"]);
    const { image } = await cri.image.imageStatus({ image: { image: busybox } });
    const tags = () => runtime.images.images[0]?.repoTags;
    const remove = (name = "") => cri.image.removeImage({ image: { image: name } });
    if (like !== "cri-o") {
      await remove(other);
      assert.equal(tags(), undefined, like);
      continue;
    }
    await remove(image?.repoDigests[0]);
    assert.deepEqual(tags(), [busybox, other]);
    await remove(other);
    assert.deepEqual(tags(), [busybox]);
    for (const name of [busybox, image?.id]) {
      const { reason, wireCode } = await failure(remove(name));
      assert.deepEqual([reason, wireCode], ["wrong_state", "unknown"]);
    }
    await cri.runtime.stopContainer({ containerId, timeout: 0n });
    await cri.runtime.removeContainer({ containerId });
    await remove(image?.id);
    assert.equal(tags(), undefined);
  }
});

test("ExecSync: CRI-O cuts what its log cannot hold, without an error, and runs commands in a created container", async (t) => {
  const mebibyte = 2 ** 20;
  const { runtime, cri } = await scripted(t, { like: "cri-o" });
  const raw = connect.through({ transport: runtime.transport, normalize: false });
  const { podSandboxId, containerId, config } = await start(cri, ["run"]);
  const printed = async (bytes: number, width: number) => {
    const cmd = ["fill", `${bytes}`, `${width}`];
    const { exitCode, stdout } = await raw.runtime.execSync({ containerId, cmd });
    assert.equal(exitCode, 0);
    return stdout.length;
  };
  assert.equal(await printed(14 * mebibyte, 1_024), 14 * mebibyte);
  const kept = await printed(20 * mebibyte, 8_192);
  assert.ok(kept > 15.8 * mebibyte && kept < 16 * mebibyte, `${kept}`);
  // Each line takes 45 bytes more.
  const ofShortLines = await printed(20 * mebibyte, 8);
  assert.ok(ofShortLines > 2.4 * mebibyte && ofShortLines < 2.5 * mebibyte, `${ofShortLines}`);

  const cmd = ["fill", `${20 * mebibyte}`, "1024"];
  const error = await failure(cri.runtime.execSync({ containerId, cmd }));
  assert.deepEqual([error.code, error.reason], ["resource_exhausted", "output_too_large"]);

  const created = await cri.runtime.createContainer({
    ...{ podSandboxId, sandboxConfig: config },
    config: { metadata: { name: "d" }, image: { image: busybox }, command: ["run"] },
  });
  const second = { containerId: created.containerId };
  const { stdout } = await cri.runtime.execSync({ ...second, cmd: ["print", "early"] });
  assert.equal(`${Buffer.from(stdout)}`, "early");
  await cri.runtime.startContainer(second);
  const { status } = await cri.runtime.containerStatus(second);
  assert.equal(status?.state, ContainerState.CONTAINER_RUNNING);
});

test("sessions: CRI-O returns a URL in every state, and the session reports the failure", async (t) => {
  for (const like of [undefined, "cri-o"] as const) {
    const { cri } = await scripted(t, { like });
    const { podSandboxId, containerId } = await start(cri, ["exit", "0"]);
    const exited = async () => (await cri.runtime.containerStatus({ containerId })).status?.finishedAt !== 0n;
    await until(exited, "it has exited");
    await cri.runtime.stopPodSandbox({ podSandboxId });
    const url = async (call: Promise<{ readonly url: string }>) => {
      const result = await call.then(
        ({ url }) => url,
        ({ reason }) => reason,
      );
      return /^http/.test(result) ? "a URL" : result;
    };
    const ids = [
      await url(cri.runtime.exec({ containerId, cmd: ["run"], stdout: true })),
      await url(cri.runtime.attach({ containerId, stdout: true })),
      await url(cri.runtime.portForward({ podSandboxId, port: [80] })),
      await url(cri.runtime.portForward({ podSandboxId: missing, port: [80] })),
      await url(cri.runtime.exec({ containerId: missing, cmd: ["run"], stdout: true })),
      await url(cri.runtime.attach({ containerId: missing, stdout: true })),
    ];
    const isLate = like === "cri-o";
    const refused = Array(3).fill("wrong_state");
    assert.deepEqual(ids, [
      ...(isLate ? Array(4).fill("a URL") : [...refused, "object_missing"]),
      ...["object_missing", "object_missing"],
    ]);
    const failed = await failure(cri.runCommand(containerId, ["print", "a"], { killOnClose: false }));
    assert.equal(failed.reason, "wrong_state", like);
    assert.equal(
      (await failure(cri.attach(containerId).then((session) => session.ended))).reason,
      "wrong_state",
    );
  }
});

test("ReopenContainerLog without a rotation: CRI-O truncates the log", async (t) => {
  for (const like of [undefined, "cri-o"] as const) {
    const logDirectory = await tempFolder(t);
    const { cri } = await scripted(t, { like });
    const sandbox = { ...sandboxConfig("a"), logDirectory };
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandbox });
    const { containerId } = await cri.runtime.createContainer({
      ...{ podSandboxId, sandboxConfig: sandbox },
      config: { metadata: { name: "c" }, image: { image: busybox }, command: ["tick"], logPath: "c.log" },
    });
    await cri.runtime.startContainer({ containerId });
    const log = () => readFile(join(logDirectory, "c.log"), "utf8");
    await until(async () => (await log()).includes("tick 2"), "two ticks");
    await cri.runtime.reopenContainerLog({ containerId });
    await until(async () => (await log()).includes("tick 4"), "four ticks");
    assert.equal((await log()).includes("tick 1"), like !== "cri-o", like);
  }
});
