import assert from "node:assert/strict";
import { test } from "node:test";
import {
  exceededLocalLimit,
  hasLocalLimits,
  hasStorageLimits,
} from "../../../src/kubelet/eviction/local-limits.js";
import type { PodConsumption } from "../../../src/kubelet/eviction/policy.js";
import type { PodSpec } from "../../../src/kubernetes/index.js";
import { kubeletPodOf } from "../../support/kubelet-pods.js";

const Mi = 1024n * 1024n;

function check(
  spec: Partial<PodSpec>,
  { volume = 0n, isMemory = false, layer = 0n, logs = 0n } = {},
): string | undefined {
  const { pod } = kubeletPodOf({ uid: "u", spec });
  const consumption: PodConsumption = {
    ...{ memoryBytes: undefined, processes: undefined },
    containers: new Map([
      [
        "c",
        {
          memoryBytes: undefined,
          writableLayer: { bytes: layer, inodes: 0n },
          logs: { bytes: logs, inodes: 0n },
        },
      ],
    ]),
    volumes: new Map([["v", { bytes: volume, inodes: 0n, isMemory }]]),
  };
  assert.equal(exceededLocalLimit({ pod, consumption: undefined }), undefined);
  return exceededLocalLimit({ pod, consumption });
}

const volumes = [{ name: "v", emptyDir: { sizeLimit: "1Mi" } }];
const limited = (...limits: (string | undefined)[]) => ({
  containers: limits.map((limit, index) => ({
    ...{ name: index === 0 ? "c" : `c${index}`, image: "i" },
    ...(limit === undefined ? {} : { resources: { limits: { "ephemeral-storage": limit } } }),
  })),
});

test("the sizeLimit of an emptyDir, on disk and in memory", () => {
  assert.equal(check({ volumes }, { volume: Mi }), undefined);
  const message = 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ';
  assert.equal(check({ volumes }, { volume: Mi + 1n }), message);
  assert.equal(check({ volumes }, { volume: Mi + 1n, isMemory: true }), message);
  assert.equal(check({ volumes: [{ name: "v", emptyDir: {} }] }, { volume: 1_000n * Mi }), undefined);
  assert.equal(check({ volumes: [{ name: "v", emptyDir: { sizeLimit: "0" } }] }, { volume: Mi }), undefined);
});

test("the limit of a pod is the sum of its containers' limits, for layers, logs and volumes on disk", () => {
  const spec = limited("2Mi", "2Mi");
  assert.equal(check(spec, { layer: Mi, logs: Mi, volume: 2n * Mi }), undefined);
  assert.equal(check(spec, { layer: Mi, logs: Mi, volume: 9n * Mi, isMemory: true }), undefined);
  assert.equal(
    check(spec, { layer: Mi, logs: Mi, volume: 2n * Mi + 1n }),
    "Pod ephemeral local storage usage exceeds the total limit of containers 4Mi. ",
  );
});

test("the limit of a container counts its layer and its logs", () => {
  const spec = limited("1Mi", "9Mi");
  assert.equal(check(spec, { layer: Mi / 2n, logs: Mi / 2n, volume: 5n * Mi }), undefined);
  assert.equal(
    check(spec, { layer: Mi, logs: 1n }),
    'Container c exceeded its local ephemeral storage limit "1Mi". ',
  );
});

test("reports which pods have limits", () => {
  const of = (spec: Partial<PodSpec>) => {
    const pod = kubeletPodOf({ uid: "u", spec });
    return [hasLocalLimits(pod), hasStorageLimits(pod)];
  };
  assert.deepEqual(of({}), [false, false]);
  assert.deepEqual(of({ volumes }), [true, false]);
  assert.deepEqual(of(limited("1Mi")), [true, true]);
});
