import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeObject } from "../../../src/kubelet/node/node-object.js";
import type { Taint } from "../../../src/kubernetes/index.js";

const taint: Taint = { key: "dedicated", value: "db", effect: "NoSchedule" };
const registration = {
  nodeName: "node-1",
  host: { architecture: "arm64", operatingSystem: "linux" },
  labels: { disk: "ssd" },
  taints: [taint],
};
const ownLabels = {
  "beta.kubernetes.io/arch": "arm64",
  "beta.kubernetes.io/os": "linux",
  "kubernetes.io/arch": "arm64",
  "kubernetes.io/hostname": "node-1",
  "kubernetes.io/os": "linux",
};

test("a Node is registered with its labels, taints and the annotation of the attach-detach controller", () => {
  assert.deepEqual(nodeObject(registration, undefined, { phase: "x" }), {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: "node-1",
      labels: { ...ownLabels, disk: "ssd" },
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
    },
    spec: { taints: [taint] },
    status: { phase: "x" },
  });
  assert.deepEqual(nodeObject({ ...registration, taints: [] }, undefined, {}).spec, {});
});

test("a registered Node has the fields that others have set", () => {
  const registered = {
    metadata: {
      name: "node-1",
      uid: "uid-1",
      resourceVersion: "7",
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: { role: "db", "kubernetes.io/os": "other" },
      annotations: { note: "x" },
      managedFields: [{}],
    },
    spec: {
      podCIDR: "10.0.0.0/24",
      unschedulable: true,
      taints: [{ key: "a", effect: "NoExecute", timeAdded: "2026-01-02T00:00:00Z" }],
    },
  };
  const { metadata, spec } = nodeObject(registration, registered, {});
  assert.deepEqual(metadata, {
    name: "node-1",
    uid: "uid-1",
    resourceVersion: "7",
    creationTimestamp: new Date("2026-01-01T00:00:00Z"),
    labels: { ...ownLabels, role: "db", "kubernetes.io/os": "other" },
    annotations: { note: "x" },
  });
  assert.deepEqual(spec, {
    podCIDR: "10.0.0.0/24",
    unschedulable: true,
    taints: [{ key: "a", effect: "NoExecute", timeAdded: new Date("2026-01-02T00:00:00Z") }],
  });
  assert.deepEqual(
    nodeObject(registration, { metadata: {} }, {}).spec,
    {},
    "taints that were removed stay away",
  );
});
