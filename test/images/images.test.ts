import assert from "node:assert/strict";
import { test } from "node:test";
import { sandboxConfig, scripted, start } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { images, transports } from "./support.js";

const names = ["docker.io/library/busybox:1.37", "docker.io/library/busybox:latest"];
const preload = [...names, "docker.io/library/alpine:3", "registry.example/pause:3.9"];

for (const like of [undefined, "containerd-1.7", "cri-o"] as const)
  for (const transport of transports) {
    const title = `${like ?? "no profile"}, ${transport.name}`;
    test(`${title}: list(), get() and fsInfo()`, async (t) => {
      const { cri } = await scripted(t, { images, preload, like, ...(await transport.options(t)) });
      const all = await cri.images.list();
      assert.equal(all.length, 3);
      const only = async (selection: Parameters<typeof cri.images.list>[0]) =>
        (await cri.images.list(selection)).flatMap((image) => image.names).sort();
      assert.deepEqual(await only({ only: "busybox" }), names);
      assert.deepEqual(await only({ only: "busybox:*" }), names);
      assert.deepEqual(await only({ only: "*:latest" }), names);
      assert.deepEqual(await only({ only: ["registry.example/*", "alpine:?"] }), [preload[2], preload[3]]);
      assert.deepEqual(await only({ only: ({ user }) => user === "app" }), ["docker.io/library/alpine:3"]);
      const [busybox] = await cri.images.list({ only: "busybox:1.37" });
      assert.deepEqual(await only({ only: busybox?.id ?? "" }), names);
      assert.deepEqual(await only({ only: busybox?.digests[0] ?? "" }), names);
      assert.deepEqual(await only({ only: (busybox?.digests[0] ?? "").replace(/.*@/, "") }), names);
      assert.deepEqual(await only({ only: [] }), []);
      const invalid = await failure(cri.images.list({ only: ["busybox", "Not A Name"] }));
      assert.deepEqual([invalid.reason, invalid.problems[0]?.path], ["invalid_option", "only[1]"]);

      for (const name of ["busybox", busybox?.id ?? "", `sha256:${busybox?.id.replace("sha256:", "")}`])
        assert.equal((await cri.images.get(name))?.id, busybox?.id);
      assert.equal(await cri.images.get("busybox:none"), undefined);
      assert.equal(await cri.images.get("0a".repeat(32)), undefined);
      assert.equal((await failure(cri.images.get("Not A Name"))).reason, "invalid_image_reference");
      const alpine = await cri.images.get("alpine:3");
      assert.deepEqual([alpine?.user, alpine?.sizeBytes, alpine?.pinned], ["app", 5_000n, false]);

      const info = await cri.images.fsInfo();
      assert.ok((info.images[0]?.usedBytes ?? 0n) >= 9_000n);
      assert.ok(info.images[0]?.time instanceof Date && info.images[0].mountpoint.startsWith("/"));
      assert.ok(info.containers.length > 0);
    });

    test(`${title}: remove() removes the image with all its names, and returns them`, async (t) => {
      const { cri } = await scripted(t, { images, preload, like, ...(await transport.options(t)) });
      const planned = await cri.images.remove("busybox:1.37", { dryRun: true });
      assert.deepEqual(planned?.otherNames, ["docker.io/library/busybox:latest"]);
      const removed = await cri.images.remove("busybox:1.37");
      assert.deepEqual(removed, planned);
      assert.equal(await cri.images.get("busybox"), undefined);
      assert.equal(await cri.images.remove("busybox:1.37"), undefined);
      const alpine = await cri.images.get("alpine:3");
      assert.deepEqual((await cri.images.remove(alpine?.id ?? ""))?.otherNames, [
        "docker.io/library/alpine:3",
      ]);
      assert.equal((await failure(cri.images.remove("Not A Name"))).reason, "invalid_image_reference");
    });

    test(`${title}: prune() keeps images that are pinned, in use, or selected`, async (t) => {
      const more = ["a", "b", "c"].map((name) => ({ names: [`r.example/${name}:1`], sizeBytes: 100 }));
      const options = {
        images: [...images, ...more],
        preload: [...preload, ...more.flatMap((one) => one.names)],
        like,
      };
      const { runtime, cri } = await scripted(t, { ...options, ...(await transport.options(t)) });
      // An exited container still uses its image.
      const { containerId } = await start(cri, ["sleep"], "user");
      await cri.runtime.stopContainer({ containerId, timeout: 0n });
      const plan = await cri.images.prune({ keep: "r.example/a:*", dryRun: true });
      assert.equal(runtime.calls.of("removeImage").length, 0);
      const done = await cri.images.prune({ keep: ["r.example/a:1"] });
      assert.deepEqual({ ...done, dryRun: true }, plan);
      assert.deepEqual(done.removed.flatMap((image) => image.names).sort(), [
        "docker.io/library/alpine:3",
        "r.example/b:1",
        "r.example/c:1",
      ]);
      assert.equal(done.removedBytes, 5_200n);
      assert.deepEqual(done.failed, []);
      assert.deepEqual(Object.fromEntries(done.kept.map(({ image, reason }) => [image.names[0], reason])), {
        [names[0] ?? ""]: "in_use",
        "registry.example/pause:3.9": "pinned",
        "r.example/a:1": "keep",
      });
      assert.equal((await cri.images.list()).length, 3);
      await cri.runtime.removeContainer({ containerId });
      assert.deepEqual(
        (await cri.images.prune({ keep: "r.example/*" })).removed.flatMap((image) => image.names).sort(),
        names,
      );
    });
  }

test("prune() reports failed removals and continues; an abort ends it", async (t) => {
  const { runtime, cri } = await scripted(t, { images, preload });
  runtime.faults.failNext("removeImage", { code: "unknown", message: "image is in use by a container" });
  const { removed, failed, removedBytes } = await cri.images.prune();
  assert.deepEqual([removed.length, failed.length], [1, 1]);
  assert.equal(removedBytes, removed[0]?.sizeBytes);
  assert.match(String(failed[0]?.error), /in use by a container/);
  const over = await failure(cri.images.prune({ signal: AbortSignal.abort() }));
  assert.equal(over.reason, "aborted_by_caller");
  assert.equal((await failure(cri.images.prune({ keep: "Not A Name" }))).reason, "invalid_option");
  const before = runtime.calls.of("removeImage").length;
  const keep = () => {
    throw new Error("undecided");
  };
  await assert.rejects(cri.images.prune({ keep }), /undecided/);
  assert.equal(runtime.calls.of("removeImage").length, before);
});

test("prune() keeps the image of a container that is created in the meantime", async (t) => {
  const { runtime, cri } = await scripted(t, { images, preload });
  const config = sandboxConfig("late");
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const alpine = "docker.io/library/alpine:3";
  // A container of the second image is created while the first image is being removed.
  runtime.faults.delay("removeImage", 200);
  const pruning = cri.images.prune();
  while (runtime.calls.of("removeImage").length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const container = { metadata: { name: "c" }, image: { image: alpine }, command: ["sleep"] };
  await cri.runtime.createContainer({ podSandboxId, config: container, sandboxConfig: config });
  const { kept } = await pruning;
  assert.ok(kept.some(({ image, reason }) => image.names.includes(alpine) && reason === "in_use"));
});

test("prune() keeps an image that a container mounts, until the container is removed", async (t) => {
  const { runtime, cri } = await scripted(t, { images, preload });
  const model = "docker.io/library/alpine:3";
  const { id } = (await cri.images.get(model)) ?? { id: "" };
  const config = sandboxConfig("mounts");
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: {
      metadata: { name: "c" },
      image: { image: "busybox:1.37" },
      command: ["sleep"],
      mounts: [{ containerPath: "/model", readonly: true, image: { image: id.replace("sha256:", "") } }],
    },
    sandboxConfig: config,
  });
  const plan = async () => (await cri.images.prune({ dryRun: true })).removed.flatMap(({ names }) => names);
  assert.deepEqual(await plan(), []);
  await cri.images.prune();
  const statusCalls = runtime.calls.of("containerStatus").length;
  assert.equal(statusCalls, 2, "one status call for each prune");
  runtime.faults.failNext("containerStatus", { code: "not_found", message: "gone" });
  assert.deepEqual(await plan(), [model], "a removed container mounts nothing");
  await cri.runtime.removeContainer({ containerId });
  assert.ok((await plan()).includes(model));
});

test("look-ups, pulls and removals send the runtime handler and the annotations", async (t) => {
  const { runtime, cri } = await scripted(t, { images, preload });
  const options = { runtimeHandler: "kata", annotations: { a: "b" } };
  await cri.images.ensure("alpine:3", options);
  await cri.images.get("alpine:3", options);
  await cri.images.remove("alpine:3", options);
  const sent = runtime.calls.all.flatMap(({ method, request }) =>
    "image" in request && method !== "pullImage" ? [request.image] : [],
  );
  assert.equal(sent.length, 4);
  for (const image of sent)
    assert.deepEqual([image?.runtimeHandler, { ...image?.annotations }], ["kata", { a: "b" }]);
});

test("a shortened id, as crictl prints it, selects the image", async (t) => {
  const { cri } = await scripted(t, { images, preload });
  const { id } = (await cri.images.get("alpine:3")) ?? { id: "" };
  const [found, ...more] = await cri.images.list({ only: id.replace("sha256:", "").slice(0, 13) });
  assert.deepEqual([found?.id, more.length], [id, 0]);
});

test("prune() keeps an unpinned sandbox image, found by the runtime's configuration or by its name", async (t) => {
  const own = [
    { names: ["r.example/sandbox:1"] },
    { names: ["r.example/infra/pause:3"] },
    { names: ["r.example/app:1"] },
  ];
  const { runtime, cri } = await scripted(t, { images: own, preload: own.flatMap((one) => one.names) });
  const kept = async () =>
    (await cri.images.prune({ dryRun: true })).kept.map(({ image, reason }) => [image.names[0], reason]);
  for (const config of [
    { sandboxImage: "r.example/sandbox:1" },
    { pinnedImages: { sandbox: "r.example/sandbox:1" } },
  ]) {
    runtime.faults.corrupt("status", (answer) => ({ ...answer, info: { config: JSON.stringify(config) } }));
    // Older pods use the image of an earlier configuration.
    assert.deepEqual(await kept(), [
      ["r.example/sandbox:1", "sandbox"],
      ["r.example/infra/pause:3", "sandbox"],
    ]);
  }
  runtime.faults.corrupt("status", (answer) => ({ ...answer, info: {} }));
  assert.deepEqual(await kept(), [["r.example/infra/pause:3", "sandbox"]]);
});
