// Every spec gives either a config that preflight and a runtime accept, or one error with the paths of its problems.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  CreateContainerRequestSchema,
  NamespaceMode,
  RunPodSandboxRequestSchema,
  SecurityProfile_ProfileType,
} from "../../../gen/runtime/v1/api_pb.js";
import { checkRequest, rpcs } from "../../../src/clients/rpcs.js";
import { CriError, isCriError } from "../../../src/core/index.js";
import { containerConfig, sandboxConfig } from "../../../src/pods/config/index.js";
import type { ContainerConfig, PodSandboxConfig } from "../../../src/v1.js";
import { mutated, validContainer, validPod } from "../../support/arbitrary-specs.js";
import { busybox, scripted } from "../../support/embedded.js";

const numRuns = 400;
const plainPod = sandboxConfig({ name: "pod", uid: "u" });
const podSandboxId = "f".repeat(64);

function podPasses(config: PodSandboxConfig): void {
  const request = create(RunPodSandboxRequestSchema, { config });
  checkRequest(rpcs.runPodSandbox, request);
  const bytes = toBinary(RunPodSandboxRequestSchema, request);
  assert.ok(equals(RunPodSandboxRequestSchema, fromBinary(RunPodSandboxRequestSchema, bytes), request));
}

function containerPasses(config: ContainerConfig): void {
  const request = create(CreateContainerRequestSchema, { podSandboxId, config, sandboxConfig: plainPod });
  checkRequest(rpcs.createContainer, request);
  const bytes = toBinary(CreateContainerRequestSchema, request);
  assert.ok(equals(CreateContainerRequestSchema, fromBinary(CreateContainerRequestSchema, bytes), request));
}

test("a valid pod spec gives a config that passes preflight and the wire format", () => {
  fc.assert(
    fc.property(validPod, (spec) => podPasses(sandboxConfig(spec))),
    { numRuns },
  );
});

test("a valid container spec gives a config that passes preflight and the wire format", () => {
  fc.assert(
    fc.property(validContainer, (spec) => containerPasses(containerConfig(spec, { pod: plainPod }))),
    { numRuns },
  );
});

test("no container is less confined than its spec requires", () => {
  fc.assert(
    fc.property(validPod, validContainer, (podSpec, spec) => {
      const pod = sandboxConfig({ ...podSpec, logDirectory: "/logs" });
      const ofPod = pod.linux?.securityContext;
      const of = containerConfig(spec, { pod }).linux?.securityContext;
      assert.ok(ofPod && of);
      assert.deepEqual(of.namespaceOptions, ofPod.namespaceOptions);
      assert.equal(
        ofPod.namespaceOptions?.pid === NamespaceMode.CONTAINER,
        (podSpec.namespaces?.pid ?? "container") === "container",
      );
      for (const [sent, said] of [
        [ofPod.seccomp, podSpec.security?.seccomp],
        [of.seccomp, spec.security?.seccomp],
      ] as const)
        assert.equal(sent?.profileType === SecurityProfile_ProfileType.Unconfined, said === "Unconfined");
      const { procMount = "Default" } = spec.security ?? {};
      if (procMount === "Default")
        assert.ok(of.maskedPaths.includes("/proc/kcore") && of.readonlyPaths.includes("/proc/sys"));
      assert.equal(of.privileged, false);
    }),
    { numRuns },
  );
});

test("the config does not depend on the order of a spec's fields, and the spec is not changed", () => {
  fc.assert(
    fc.property(validPod, validContainer, (podSpec, spec) => {
      const uid = { uid: "u" };
      const [pod, ofReversed] = [podSpec, reversed(podSpec)].map((one) => sandboxConfig({ ...one, ...uid }));
      assert.deepEqual(ofReversed, pod);
      assert.ok(pod);
      assert.deepEqual(
        containerConfig(freeze(spec), { pod: freeze(plainPod) }),
        containerConfig(reversed(spec), { pod: plainPod }),
      );
      sandboxConfig(freeze(podSpec));
    }),
    { numRuns: 100 },
  );
});

test("a mutated pod spec is rejected with paths, or its config passes", () => {
  checkMutated(validPod, (spec) => podPasses(sandboxConfig(spec)));
});

test("a mutated container spec is rejected with paths, or its config passes", () => {
  checkMutated(validContainer, (spec) => containerPasses(containerConfig(spec, { pod: plainPod })));
});

function checkMutated<T extends object>(valid: fc.Arbitrary<T>, work: (spec: T) => void): void {
  let rejected = 0;
  fc.assert(
    fc.property(mutated(valid), (spec) => {
      // After the mutation it may be of any type.
      if (isRejected(spec, () => work(spec as T))) rejected++;
    }),
    { numRuns: 5 * numRuns },
  );
  assert.ok(rejected > numRuns && rejected < 5 * numRuns, `${rejected} were rejected`);
}

test("a value of any other type is rejected", () => {
  fc.assert(
    fc.property(fc.anything(), (spec) => {
      isRejected(spec, () => podPasses(sandboxConfig(spec as never)));
      isRejected(spec, () => containerPasses(containerConfig(spec as never, { pod: plainPod })));
    }),
    { numRuns },
  );
});

/** Rethrows an error unless it is one of a runtime without isolation: it names the field that cannot be honored. */
function assertRefusal(error: unknown): void {
  if (!isCriError(error) || !/\bconfig\./.test(error.rawMessage)) throw error;
}

test("the embedded runtime accepts every config, or refuses a field that requires isolation", async (t) => {
  let accepted = 0;
  const { cri } = await scripted(t);
  await fc.assert(
    fc.asyncProperty(validPod, validContainer, async (podSpec, spec) => {
      const config = sandboxConfig(podSpec);
      const runtimeHandler = podSpec.runtimeHandler ?? "";
      const running = await cri.runtime.runPodSandbox({ config, runtimeHandler }).catch(assertRefusal);
      if (!running) return;
      const { podSandboxId } = running;
      try {
        const ofContainer = containerConfig(
          { ...spec, logPath: config.logDirectory === "" ? false : undefined },
          { pod: config, imageId: busybox },
        );
        const created = await cri.runtime
          .createContainer({ podSandboxId, config: ofContainer, sandboxConfig: config })
          .catch(assertRefusal);
        if (!created) return;
        const { containerId } = created;
        accepted++;
        const { status } = await cri.runtime.containerStatus({ containerId });
        assert.equal(status?.image?.userSpecifiedImage, spec.image);
        assert.deepEqual(status?.labels, ofContainer.labels);
      } finally {
        await cri.runtime.removePodSandbox({ podSandboxId });
      }
    }),
    { numRuns: 200 },
  );
  assert.ok(accepted > 0);
});

/** Returns whether the spec is rejected; then checks that each problem's path and value match the spec. */
function isRejected(spec: unknown, work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (!isCriError(error)) throw error;
    assert.equal(`${error.code} ${error.reason}`, "invalid_argument invalid_spec", error.message);
    assert.ok(error.problems.length > 0);
    assert.ok(error instanceof CriError);
    for (const { path, message, value } of error.problems) {
      assert.ok(
        error.message.includes(`${path}: ${message}`),
        `${path}: ${message} is not in ${error.message}`,
      );
      assert.doesNotMatch(message, /(?<!got )undefined|\[object/);
      const found = path === "spec" ? spec : at(spec, path);
      const isKey = typeof value === "string" && path.endsWith(`[${JSON.stringify(value)}]`);
      assert.ok(isKey || Object.is(found, value), `the value at ${path} is not the one in ${message}`);
    }
    return true;
  }
}

/** Returns the value at a path such as `env["A=B"][0].x`. */
function at(spec: unknown, path: string): unknown {
  let value = spec;
  for (const [, name, index, quoted] of path.replace(/^spec(?=\[)/, "").matchAll(step)) {
    const key = name ?? index ?? String(JSON.parse(quoted ?? '""'));
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? Reflect.get(value, key)
        : undefined;
  }
  return value;
}
const step = /(?:^|\.)([A-Za-z_$][\w$]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g;

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}

/** Returns a copy with the fields in reverse order. */
function reversed<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).reverse()) as T;
}
