import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../../src/index.js";
import type { RuntimeLike } from "../../../src/testing/index.js";
import { busybox, failure, scripted, start } from "./support.js";

const missing = "f".repeat(64);

/** Measured on the real ones. */
const ways: Readonly<Record<RuntimeLike, readonly unknown[]>> = {
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

for (const [like, expected] of Object.entries(ways) as [RuntimeLike, readonly unknown[]][])
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
      (answer) => (answer.podSandboxId === podSandboxId ? "the same id" : "another id"),
      (error) => error.code,
    );
    const startedTwice = await code(cri.runtime.startContainer({ containerId }));
    const late = await cri.runtime.execSync({ containerId, cmd: ["sleep", "60"], timeout: 1n }).then(
      ({ exitCode }) => exitCode,
      (error) => error.code,
    );
    const { imageRef } = await cri.image.pullImage({ image: { image: busybox } });
    const { runtimeName } = await cri.runtime.version({});
    // Up to the container's creation: the pod's events, and that one.
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

test("a profile that is none is refused", async (t) => {
  await assert.rejects(scripted(t, { like: "docker" as never }), { reason: "invalid_option" });
});

test("normalized, all of them say the same", async (t) => {
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
  test(`${like}: two who listen hear ${expected} times of 4 events`, async (t) => {
    const { runtime, cri } = await scripted(t, { like });
    let heard = 0;
    const stop = new AbortController();
    const readers = [1, 2].map(async () => {
      for await (const _ of cri.runtime.getContainerEvents({}, { signal: stop.signal })) heard++;
    });
    while (runtime.calls.of("getContainerEvents").length < 2) await new Promise(setImmediate);
    await start(cri, ["run"]);
    for (let tries = 0; heard < expected && tries < 100; tries++) await new Promise(setImmediate);
    stop.abort();
    await Promise.allSettled(readers);
    assert.equal(heard, expected);
  });

test("what of a sandbox's name must not be empty", async (t) => {
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
    assert.match(none.text, /metadata is missing/);
  }
});
