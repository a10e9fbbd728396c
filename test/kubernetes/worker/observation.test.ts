import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { observedPod } from "../../../src/kubernetes/worker/observation.js";
import { isStopped, nextRestartCount } from "../../../src/kubernetes/worker/pod-containers.js";
import {
  ContainerState,
  ContainerStatusSchema,
  NamespaceMode,
  PodSandboxState,
  PodSandboxStatusSchema,
} from "../../../src/v1.js";
import { observedOf } from "../../support/observed-pods.js";

const sandboxOf = (id: string, attempt: number, createdAt: bigint, ready = true) =>
  create(PodSandboxStatusSchema, {
    id,
    metadata: { name: "web-0", namespace: "prod", uid: "u", attempt },
    createdAt,
    state: ready ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY,
    network: { ip: "10.88.0.7", additionalIps: [{ ip: "fd00::7" }, { ip: "" }] },
    linux: { namespaces: { options: { network: NamespaceMode.POD } } },
    runtimeHandler: "kata",
  });

test("sandboxes are sorted by attempt, creation and id, containers by creation", () => {
  const { sandboxes, containers } = observedPod(
    [sandboxOf("c", 0, 9n), sandboxOf("b", 1, 3n), sandboxOf("a", 1, 3n), sandboxOf("d", 1, 4n)],
    [3n, 1n, 2n].map((createdAt) => ({
      status: create(ContainerStatusSchema, { id: `c${createdAt}`, createdAt }),
      sandboxId: "a",
    })),
  );
  assert.deepEqual(
    sandboxes.map(({ id }) => id),
    ["d", "a", "b", "c"],
  );
  assert.deepEqual(
    containers.map(({ id }) => id),
    ["c3", "c2", "c1"],
  );
});

test("a sandbox: its addresses, its network, its handler", () => {
  const { sandboxes } = observedPod([sandboxOf("a", 2, 5n, false)], []);
  assert.deepEqual(sandboxes, [
    {
      id: "a",
      attempt: 2,
      isReady: false,
      createdAtNanos: 5n,
      hostNetwork: false,
      ips: ["10.88.0.7", "fd00::7"],
      runtimeHandler: "kata",
    },
  ]);
  const host = create(PodSandboxStatusSchema, {
    id: "h",
    network: {},
    linux: { namespaces: { options: { network: NamespaceMode.NODE } } },
  });
  const bare = create(PodSandboxStatusSchema, { id: "n" });
  const observed = observedPod([host, bare], []).sandboxes;
  assert.deepEqual(
    observed.map(({ hostNetwork, ips }) => ({ hostNetwork, ips })),
    [
      { hostNetwork: true, ips: [] },
      { hostNetwork: false, ips: undefined },
    ],
  );
});

test("a container: its annotations are the store of the kubelet", () => {
  const status = create(ContainerStatusSchema, {
    id: "c",
    metadata: { name: "app", attempt: 7 },
    state: ContainerState.CONTAINER_EXITED,
    createdAt: 1n,
    startedAt: 2n,
    finishedAt: 3n,
    exitCode: 137,
    reason: "OOMKilled",
    message: "m",
    image: { image: "docker.io/library/busybox:1.37" },
    imageRef: "docker.io/library/busybox@sha256:1",
    labels: { "io.kubernetes.container.name": "web" },
    annotations: {
      "io.kubernetes.container.hash": "ad819b5c",
      "io.kubernetes.container.restartCount": "4",
      "io.kubernetes.container.terminationMessagePath": "dev/termination-log",
    },
    mounts: [
      { containerPath: "/data", hostPath: "/d" },
      { containerPath: "/dev/termination-log", hostPath: "/var/lib/kubelet/pods/u/containers/web/0a" },
    ],
    logPath: "/var/log/pods/p/web/4.log",
    user: { linux: { uid: 1000n, gid: 1001n, supplementalGroups: [1001n, 2000n] } },
  });
  const observed = observedPod([], [{ status, sandboxId: "s" }]);
  assert.deepEqual(observed.containers, [
    {
      id: "c",
      name: "web",
      sandboxId: "s",
      state: "exited",
      createdAtNanos: 1n,
      startedAtNanos: 2n,
      finishedAtNanos: 3n,
      exitCode: 137,
      reason: "OOMKilled",
      message: "m",
      image: "docker.io/library/busybox:1.37",
      imageRef: "docker.io/library/busybox@sha256:1",
      restartCount: 4,
      hash: "ad819b5c",
      annotations: status.annotations,
      logPath: "/var/log/pods/p/web/4.log",
      terminationMessageHostPath: "/var/lib/kubelet/pods/u/containers/web/0a",
      user: { linux: { uid: 1000, gid: 1001, supplementalGroups: [1001, 2000] } },
    },
  ]);
  assert.equal(nextRestartCount(observed, "web"), 5);
  assert.equal(nextRestartCount(observed, "other"), undefined);
});

test("a container without annotations: its attempt is the restart count, and it has no hash", () => {
  for (const annotation of [undefined, "", "-1", "1e3", "x"]) {
    const status = create(ContainerStatusSchema, {
      metadata: { name: "app", attempt: 3 },
      annotations: annotation === undefined ? {} : { "io.kubernetes.container.restartCount": annotation },
    });
    const [container] = observedPod([], [{ status, sandboxId: "s" }]).containers;
    assert.deepEqual(
      [container?.name, container?.restartCount, container?.hash, container?.user],
      ["app", 3, undefined, undefined],
    );
    assert.equal(container?.terminationMessageHostPath, undefined);
  }
});

test("all states", () => {
  const states = [
    ContainerState.CONTAINER_CREATED,
    ContainerState.CONTAINER_RUNNING,
    ContainerState.CONTAINER_EXITED,
    ContainerState.CONTAINER_UNKNOWN,
  ].map((state, i) => ({
    status: create(ContainerStatusSchema, { state, createdAt: BigInt(9 - i) }),
    sandboxId: "",
  }));
  assert.deepEqual(
    observedPod([], states).containers.map(({ state }) => state),
    ["created", "running", "exited", "unknown"],
  );
});

test("a pod is stopped when no container runs and no sandbox is ready", () => {
  assert.equal(isStopped(observedOf([], [])), true);
  assert.equal(
    isStopped(observedOf([{ state: "exited" }, { state: "created" }], [{ isReady: false }])),
    true,
  );
  assert.equal(isStopped(observedOf([], [{}])), false);
  assert.equal(isStopped(observedOf([{}], [{ isReady: false }])), false);
});
