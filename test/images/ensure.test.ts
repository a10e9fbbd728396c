import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { assertNoListeners } from "../support/leaks.js";
import { until } from "../support/waiting.js";
import { images, login, privateApp, slowApp, transports } from "./support.js";

const empty = { images, preload: [] };

for (const transport of transports) {
  test(`${transport.name}: ensure() follows the policy`, async (t) => {
    const { runtime, cri } = await scripted(t, { ...empty, ...(await transport.options(t)) });
    const name = "docker.io/library/busybox:1.37";
    const pulls = () => runtime.calls.of("pullImage").length;
    const never = await failure(cri.images.ensure(name, { policy: "Never" }));
    assert.deepEqual([never.code, never.reason], ["not_found", "image_missing"]);
    assert.match(never.message, /another `policy` than "Never"/);
    assert.equal(pulls(), 0);

    const first = await cri.images.ensure(name);
    assert.deepEqual(first.names, [name]);
    assert.equal(first.sizeBytes, 4_000n);
    assert.equal(first.user, undefined);
    assert.deepEqual(await cri.images.ensure(name), first);
    assert.deepEqual(await cri.images.ensure(name, { policy: "Never" }), first);
    assert.equal(pulls(), 1);
    await cri.images.ensure(name, { policy: "Always" });
    await cri.images.pull(name);
    assert.equal(pulls(), 3);

    // Without a tag it is `latest`, which is always pulled, by the name as written.
    const latest = await cri.images.ensure("busybox");
    assert.equal((await cri.images.ensure("busybox")).id, first.id);
    assert.equal(pulls(), 5);
    assert.equal(runtime.calls.of("pullImage").at(-1)?.request.image?.image, "busybox:latest");
    assert.equal(latest.names.length, 2);

    for (const id of [first.id, first.id.replace("sha256:", "")])
      assert.equal((await cri.images.ensure(id, { policy: "Always" })).id, first.id);
    assert.equal(pulls(), 5);
    const unknown = await failure(cri.images.ensure("0a".repeat(32)));
    assert.match(unknown.message, /an image cannot be pulled by its id/);
    const digest = first.digests[0] ?? "";
    assert.equal((await cri.images.ensure(digest)).id, first.id);
    assert.equal(pulls(), 5);
  });

  test(`${transport.name}: concurrent calls are one pull, and each returns the image`, async (t) => {
    const { runtime, cri } = await scripted(t, { ...empty, ...(await transport.options(t)) });
    const calls = Array.from({ length: 5 }, () => cri.images.ensure(privateApp, { auth: { ...login } }));
    const all = await Promise.all([...calls, cri.images.pull(privateApp, { auth: async () => login })]);
    assert.equal(new Set(all.map(({ id }) => id)).size, 1);
    assert.equal(all[0]?.user, "1001");
    assert.equal(runtime.calls.of("pullImage").length, 1);
  });

  test(`${transport.name}: the pull is canceled when its last caller stops waiting`, async (t) => {
    const { runtime, cri } = await scripted(t, { ...empty, ...(await transport.options(t)) });
    const stops = [new AbortController(), new AbortController()] as const;
    const [first, second] = stops.map(({ signal }) => failure(cri.images.ensure(slowApp, { signal })));
    const third = failure(cri.images.ensure(slowApp, { timeoutMs: 300 }));
    await until(() => runtime.calls.of("pullImage").length === 1, "the start of the pull");
    const [pull] = runtime.calls.of("pullImage");
    stops[0].abort(new Error("stop"));
    assert.equal((await first)?.reason, "aborted_by_caller");
    assert.equal((await third).reason, "deadline");
    assert.equal(pull?.error, undefined, "the pull continues for the second caller");
    stops[1].abort();
    assert.equal((await second)?.reason, "aborted_by_caller");
    await until(() => pull?.error !== undefined, "the cancellation in the runtime");
    assert.equal(runtime.calls.of("pullImage").length, 1);
    for (const { signal } of stops) assertNoListeners(signal);

    // A later caller starts a new pull.
    const again = new AbortController();
    const later = failure(cri.images.ensure(slowApp, { signal: again.signal }));
    await until(() => runtime.calls.of("pullImage").length === 2, "the start of another pull");
    again.abort();
    assert.equal((await later).reason, "aborted_by_caller");
  });
}

test("pulls with other credentials, handlers, annotations or namespaces are not shared", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  const pod = (namespace: string) => ({ sandboxConfig: { metadata: { name: "p", uid: "u", namespace } } });
  await Promise.all([
    cri.images.ensure(privateApp, { auth: login }),
    cri.images.ensure(privateApp, { auth: [login, { username: "other", password: "x" }] }),
    cri.images.ensure(privateApp, { auth: login, runtimeHandler: "kata" }),
    cri.images.ensure(privateApp, { auth: login, annotations: { a: "b" } }),
    cri.images.ensure(privateApp, { auth: login, ...pod("one") }),
    cri.images.ensure(privateApp, { auth: login, ...pod("one") }),
    cri.images.ensure(privateApp, { auth: login, ...pod("two") }),
  ]);
  const requests = runtime.calls.of("pullImage").map(({ request }) => request);
  assert.equal(requests.length, 6);
  assert.deepEqual(
    requests.map(({ image, sandboxConfig }) => [
      image?.runtimeHandler,
      image?.annotations,
      sandboxConfig?.metadata?.namespace,
    ]),
    [
      ["", {}, undefined],
      ["", {}, undefined],
      ["kata", {}, undefined],
      ["", { a: "b" }, undefined],
      ["", {}, "one"],
      ["", {}, "two"],
    ],
  );
});

test("a caller with the policy Always does not join a flight that finds the image on the node", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  const name = "docker.io/library/busybox:1.37";
  const gate = new AbortController();
  const opened = new Promise((resolve) => gate.signal.addEventListener("abort", resolve));
  const auth = async () => {
    await opened;
    return login;
  };
  const first = cri.images.ensure(name, { auth });
  await until(() => runtime.calls.of("imageStatus")[0]?.responses !== undefined, "the first look-up");
  // Another client pulls the image before the first pull begins, and the second look-up takes long enough to be joined.
  await cri.image.pullImage({ image: { image: name } });
  runtime.faults.delay("imageStatus", 200);
  gate.abort();
  await until(() => runtime.calls.of("imageStatus").length === 2, "the second look-up");
  const second = await cri.images.pull(name, { auth: login });
  assert.equal((await first).id, second.id);
  assert.equal(runtime.calls.of("pullImage").length, 2, "the exact call, and the pull of the second caller");
});

test("each failure has its reason: missing, denied, unavailable, signature, invalid name, invalid policy", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  const reason = async (image: string, options = {}) =>
    (await failure(cri.images.pull(image, options))).reason;
  assert.equal(await reason("registry.example/none:1"), "image_missing");
  assert.equal(await reason(privateApp), "registry_denied");
  assert.equal(await reason("Not A Name"), "invalid_image_reference");
  const policy = await failure(cri.images.ensure(privateApp, { policy: "Sometimes" as "Always" }));
  assert.equal(policy.reason, "invalid_option");
  for (const [message, expected] of [
    ["RegistryUnavailable: it is down", "registry_unavailable"],
    ["SignatureValidationFailed: not signed", "signature_invalid"],
  ] as const) {
    runtime.faults.failNext("pullImage", { code: "unknown", message });
    assert.equal(await reason(privateApp, { auth: login }), expected);
    assert.equal(runtime.calls.of("pullImage").at(-1)?.error?.rawMessage, message);
  }
});
