import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { ContainerSpec } from "../../../src/index.js";
import { ownProcessIdentity } from "../../../src/pods/process-identity.js";
import { failure } from "../failure.js";
import { type PodSubject, stage } from "./subject.js";

/** `ensure` and `sweep`: whatever existed before, exactly one object with the spec exists afterwards. */
export function ensureCases(subject: () => PodSubject): void {
  const main = (more?: Partial<ContainerSpec>): ContainerSpec => ({
    name: "main",
    image: subject().image,
    command: subject().commands.run,
    ...more,
  });

  test("a pod is created, then adopted, and recreated when it differs or was stopped", async () => {
    await using it = stage(subject());
    const spec = it.pod("ensured");
    const first = await it.cri.pods.ensure(spec);
    assert.equal(first.outcome, "created");
    const again = await it.cri.pods.ensure({ ...spec });
    assert.equal(again.outcome, "adopted");
    assert.equal(again.pod.id, first.pod.id);
    assert.equal(again.pod.ip, first.pod.ip);

    const differs = await it.cri.pods.ensure({ ...spec, labels: { version: "2" } });
    assert.equal(differs.outcome, "recreated");
    assert.equal(differs.pod.attempt, 1);
    assert.equal(differs.pod.uid, first.pod.uid);
    await differs.pod.stop({ gracePeriodMs: 0 });
    const after = await it.cri.pods.ensure({ ...spec, labels: { version: "2" } });
    assert.equal(after.outcome, "recreated");
    assert.equal(after.pod.attempt, 2);
    assert.equal((await it.cri.pods.list({ uid: first.pod.uid })).length, 1);
    await after.pod.remove();
    assert.deepEqual(await it.leftovers(), []);
  });

  test("five concurrent calls from two connections create one pod", async () => {
    await using it = stage(subject());
    const other = subject().open({ pods: { owner: it.owner, logRoot: `${subject().logRoot}/${it.owner}` } });
    try {
      const spec = it.pod("concurrent");
      const clients = [it.cri, it.cri, other, it.cri, other];
      const ensured = await Promise.all(clients.map((cri) => cri.pods.ensure(spec)));
      assert.equal(new Set(ensured.map(({ pod }) => pod.id)).size, 1);
      assert.equal((await it.cri.pods.list({ name: spec.name })).length, 1);
    } finally {
      await other.close();
    }
  });

  test("concurrent calls from two connections create one running container", async () => {
    await using it = stage(subject());
    const other = subject().open({ pods: { owner: it.owner, logRoot: `${subject().logRoot}/${it.owner}` } });
    try {
      const spec = it.pod("one-container");
      const { pod } = await it.cri.pods.ensure(spec);
      const { pod: same } = await other.pods.ensure(spec);
      const ensured = await Promise.all([pod, same, pod, same].map((one) => one.ensureContainer(main())));
      assert.equal(new Set(ensured.map(({ container }) => container.id)).size, 1);
      const [container] = await pod.containers();
      assert.equal((await container?.status())?.state, "running");
    } finally {
      await other.close();
    }
  });

  test("removing the handle of a replaced pod does not touch its successor", async () => {
    await using it = stage(subject());
    const spec = it.pod("replaced");
    const old = await it.cri.pods.ensure(spec);
    await old.pod.ensureContainer(main({ command: subject().commands.print("first\n") }));
    const next = await it.cri.pods.ensure({ ...spec, labels: { version: "2" } });
    const { container } = await next.pod.ensureContainer(
      main({ command: subject().commands.print("second\n") }),
    );
    await container.wait({ timeoutMs: 20_000 });
    await old.pod.remove();
    assert.equal((await next.pod.status()).state, "ready");
    const lines = [];
    for await (const { text } of container.logs()) lines.push(text);
    assert.deepEqual(lines, ["second"], "the successor has a log of its own");
    await next.pod.remove();
    assert.deepEqual(await it.leftovers(), []);
  });

  test("a pod of another owner is rejected and stays unchanged", async () => {
    await using it = stage(subject());
    await using other = stage(subject());
    const spec = it.pod("foreign");
    const { pod } = await it.cri.pods.ensure(spec);
    const error = await failure(other.cri.pods.ensure({ ...spec, labels: { other: "yes" } }));
    assert.equal(error.reason, "name_reserved");
    assert.equal(error.existingId, pod.id);
    assert.equal((await pod.status()).state, "ready");
  });

  test("a container is created, adopted, and recreated when it differs or exited", async () => {
    await using it = stage(subject());
    const { pod } = await it.cri.pods.ensure(it.pod("containers"));
    const first = await pod.ensureContainer(main());
    assert.equal(first.outcome, "created");
    assert.equal((await first.container.status()).state, "running");
    const again = await pod.ensureContainer(main());
    assert.equal(again.outcome, "adopted");
    assert.equal(again.container.id, first.container.id);
    const restarted = await first.container.restart({ gracePeriodMs: 0 });
    const afterwards = await pod.ensureContainer(main());
    assert.equal(afterwards.outcome, "adopted");
    assert.equal(afterwards.container.id, restarted.id);

    const differs = await pod.ensureContainer(main({ env: { A: "b" } }), { gracePeriodMs: 0 });
    assert.equal(differs.outcome, "recreated");
    assert.equal(differs.container.attempt, 2);
    await differs.container.stop({ gracePeriodMs: 0 });
    const failing = main({ env: { A: "b" } });
    const never = await pod.ensureContainer(failing, { restartPolicy: "Never" });
    assert.equal(never.outcome, "adopted");
    assert.equal((await never.container.status()).state, "exited");
    const onFailure = await pod.ensureContainer(failing, { restartPolicy: "OnFailure" });
    assert.equal(onFailure.outcome, "recreated");
    assert.equal(onFailure.container.attempt, 3);
    assert.deepEqual(
      (await pod.containers()).map(({ attempt }) => attempt),
      [3],
    );
  });

  test("a container that exited with 0 stays with OnFailure, and is recreated with Always", async () => {
    await using it = stage(subject());
    const { pod } = await it.cri.pods.ensure(it.pod("restart-policy"));
    const spec = main({ command: subject().commands.exit(0) });
    const { container } = await pod.ensureContainer(spec);
    await container.wait({ timeoutMs: 20_000 });
    assert.equal((await pod.ensureContainer(spec, { restartPolicy: "OnFailure" })).outcome, "adopted");
    assert.equal((await pod.ensureContainer(spec)).outcome, "recreated");
  });

  test("a sweep removes what dead processes created, and nothing else", async () => {
    await using it = stage(subject());
    const { cri, owner } = it;
    const mine = await cri.pods.run(it.pod("mine"));
    const { pod: ensured } = await cri.pods.ensure(it.pod("ensured"));
    const dead = ownProcessIdentity().replace(/\d+$/, "1");
    const orphan = async (name: string, process: string) => {
      const { podSandboxId } = await cri.runtime.runPodSandbox({
        config: {
          metadata: { name, namespace: "cri-sdk-test", uid: randomUUID(), attempt: 0 },
          labels: { "cri-sdk/owner": owner },
          annotations: { "cri-sdk/owner-process": process },
          linux: {},
        },
      });
      return podSandboxId;
    };
    const orphanId = await orphan("orphan", dead);
    const elsewhere = await orphan("elsewhere", "some-other-host/17");

    assert.deepEqual((await cri.sweep({ olderThanMs: 3_600_000 })).removed, []);
    assert.deepEqual((await cri.sweep({ owner: `not-${owner}` })).removed, []);
    const dry = await cri.sweep({ dryRun: true });
    assert.deepEqual(
      dry.removed.map(({ id, kind, name }) => [id, kind, name]),
      [[orphanId, "pod", "cri-sdk-test/orphan"]],
    );
    assert.equal((await cri.pods.list({ owner })).length, 4, "a dry run removes nothing");
    const swept = await cri.sweep();
    assert.deepEqual(swept.failed, []);
    assert.deepEqual(
      swept.removed.map(({ id }) => id),
      [orphanId],
    );
    assert.deepEqual(
      (await cri.pods.list({ owner })).map(({ id }) => id).sort(),
      [mine.id, ensured.id, elsewhere].sort(),
    );
    const all = await cri.sweep({ ensured: true });
    assert.deepEqual(
      all.removed.map(({ id }) => id),
      [ensured.id],
    );
  });
}
