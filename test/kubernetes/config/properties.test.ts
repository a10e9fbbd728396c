// Every valid Pod gives configs that preflight accepts, and none is less confined than its manifest says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { CreateContainerRequestSchema, RunPodSandboxRequestSchema } from "../../../gen/runtime/v1/api_pb.js";
import { checkRequest, rpcs } from "../../../src/clients/rpcs.js";
import {
  defaultPod,
  type PodConfigs,
  podConfigs,
  StartError,
  validatePod,
} from "../../../src/kubernetes/index.js";
import { arbitraryPod, type PodEnvironment } from "../../support/arbitrary-pods.js";
import { assertConfined, mustNotRun } from "../../support/confinement.js";
import { vectorNode } from "../../support/pod-fixtures.js";

const environment: PodEnvironment = {
  image: "docker.io/library/busybox:1.37",
  hostFolder: "/srv/data",
  seccompProfile: "profiles/mine.json",
  recursiveReadOnly: true,
  imageVolumes: true,
  strictGroups: true,
  userNamespaces: true,
  propagation: true,
  allProfiles: true,
};
const podSandboxId = "f".repeat(64);
const numRuns = 200;

test("the arbitrary Pods are valid", () => {
  fc.assert(
    fc.property(arbitraryPod(environment), ({ pod, inputs }) => {
      assert.deepEqual(
        validatePod(pod, { inputs: { ...inputs, services: [] } }).map(
          ({ path, message }) => `${path}: ${message}`,
        ),
        [],
      );
    }),
    { numRuns },
  );
});

test("every valid Pod gives configs, and none is less confined than its manifest says", () => {
  let refused = 0;
  fc.assert(
    fc.property(arbitraryPod(environment), fc.boolean(), ({ pod, inputs }, seccompDefault) => {
      const thermalThrottlePaths = ["/sys/devices/system/cpu/cpu0/thermal_throttle"];
      const node = { ...vectorNode, seccompDefault, thermalThrottlePaths };
      const defaulted = defaultPod(pod);
      if (mustNotRun(pod)) {
        refused++;
        assert.throws(
          () => podConfigs(defaulted, node, inputs),
          (error) => error instanceof StartError && error.waitingReason === "CreateContainerConfigError",
        );
        return;
      }
      const before = JSON.stringify(pod);
      const configs = podConfigs(defaulted, node, inputs);
      assertConfined(pod, configs, {
        podFolder: `${node.rootDir}/pods/${defaulted.metadata.uid}`,
        seccompDefault,
        thermalThrottlePaths,
        strictlyReadOnly: true,
      });
      assertSendable(configs);
      // The same again, and nothing was changed.
      assert.deepEqual(podConfigs(defaulted, node, inputs), configs);
      assert.equal(JSON.stringify(pod), before);
    }),
    { numRuns },
  );
  assert.ok(refused < numRuns / 2, `${refused} Pods were refused`);
});

function assertSendable({ sandbox, runtimeHandler, containers }: PodConfigs): void {
  const run = create(RunPodSandboxRequestSchema, { config: sandbox, runtimeHandler });
  checkRequest(rpcs.runPodSandbox, run);
  const bytes = toBinary(RunPodSandboxRequestSchema, run);
  assert.ok(equals(RunPodSandboxRequestSchema, fromBinary(RunPodSandboxRequestSchema, bytes), run));
  for (const { config } of containers) {
    const request = create(CreateContainerRequestSchema, { podSandboxId, config, sandboxConfig: sandbox });
    checkRequest(rpcs.createContainer, request);
    const sent = toBinary(CreateContainerRequestSchema, request);
    assert.ok(equals(CreateContainerRequestSchema, fromBinary(CreateContainerRequestSchema, sent), request));
  }
}
