// Whatever a spec is, it gives a config that preflight and a runtime take, or one error with the paths of what is wrong.
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
import { preflight } from "../../../src/clients/preflight/index.js";
import { CriError, isCriError } from "../../../src/core/index.js";
import { containerConfig, sandboxConfig } from "../../../src/pods/config/index.js";
import type { ContainerConfig, PodSandboxConfig } from "../../../src/v1.js";
import { busybox, scripted } from "../../testing/embedded/support.js";
import { legalContainer, legalPod, spoiled } from "./arbitrary-specs.js";

const numRuns = 400;
const plainPod = sandboxConfig({ name: "pod", uid: "u" });
const podSandboxId = "f".repeat(64);

function podPasses(config: PodSandboxConfig): void {
  const request = create(RunPodSandboxRequestSchema, { config });
  preflight("runPodSandbox", request);
  const bytes = toBinary(RunPodSandboxRequestSchema, request);
  assert.ok(equals(RunPodSandboxRequestSchema, fromBinary(RunPodSandboxRequestSchema, bytes), request));
}

function containerPasses(config: ContainerConfig): void {
  const request = create(CreateContainerRequestSchema, { podSandboxId, config, sandboxConfig: plainPod });
  preflight("createContainer", request);
  const bytes = toBinary(CreateContainerRequestSchema, request);
  assert.ok(equals(CreateContainerRequestSchema, fromBinary(CreateContainerRequestSchema, bytes), request));
}

test("a legal pod gives a config that preflight passes and the wire carries", () => {
  fc.assert(
    fc.property(legalPod, (spec) => podPasses(sandboxConfig(spec))),
    { numRuns },
  );
});

test("a legal container gives a config that preflight passes and the wire carries", () => {
  fc.assert(
    fc.property(legalContainer, (spec) => containerPasses(containerConfig(spec, { pod: plainPod }))),
    { numRuns },
  );
});

test("no container is less confined than its spec says, whatever else that says", () => {
  fc.assert(
    fc.property(legalPod, legalContainer, (podSpec, spec) => {
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

test("the same spec gives the same config, whatever the order of its fields, and stays as it is", () => {
  fc.assert(
    fc.property(legalPod, legalContainer, (podSpec, spec) => {
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

test("a spoiled pod is refused with paths, or its config passes", () => {
  spoil(legalPod, (spec) => podPasses(sandboxConfig(spec)));
});

test("a spoiled container is refused with paths, or its config passes", () => {
  spoil(legalContainer, (spec) => containerPasses(containerConfig(spec, { pod: plainPod })));
});

function spoil<T extends object>(legal: fc.Arbitrary<T>, work: (spec: T) => void): void {
  let refused = 0;
  fc.assert(
    fc.property(spoiled(legal), (spec) => {
      // It may be anything by now.
      if (refusedOr(spec, () => work(spec as T))) refused++;
    }),
    { numRuns: 5 * numRuns },
  );
  assert.ok(refused > numRuns && refused < 5 * numRuns, `${refused} were refused`);
}

test("whatever is no spec at all is refused", () => {
  fc.assert(
    fc.property(fc.anything(), (spec) => {
      refusedOr(spec, () => podPasses(sandboxConfig(spec as never)));
      refusedOr(spec, () => containerPasses(containerConfig(spec as never, { pod: plainPod })));
    }),
    { numRuns },
  );
});

test("the embedded runtime takes every config", async (t) => {
  const { cri } = await scripted(t);
  await fc.assert(
    fc.asyncProperty(legalPod, legalContainer, async (podSpec, spec) => {
      const config = sandboxConfig(podSpec);
      const runtimeHandler = podSpec.runtimeHandler ?? "";
      const { podSandboxId } = await cri.runtime.runPodSandbox({ config, runtimeHandler });
      try {
        const ofContainer = containerConfig(
          { ...spec, logPath: config.logDirectory === "" ? false : undefined },
          { pod: config, imageId: busybox },
        );
        const { containerId } = await cri.runtime.createContainer({
          podSandboxId,
          config: ofContainer,
          sandboxConfig: config,
        });
        const { status } = await cri.runtime.containerStatus({ containerId });
        assert.equal(status?.image?.userSpecifiedImage, spec.image);
        assert.deepEqual(status?.labels, ofContainer.labels);
      } finally {
        await cri.runtime.removePodSandbox({ podSandboxId });
      }
    }),
    { numRuns: 200 },
  );
});

/** Does it, or gets the one error, with problems that point at what the spec says there. Tells whether it was refused. */
function refusedOr(spec: unknown, work: () => void): boolean {
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
        error.message.includes(`${path} ${message}`),
        `${path} ${message} is not in ${error.message}`,
      );
      assert.doesNotMatch(message, /(?<!got )undefined|\[object/);
      const found = path === "spec" ? spec : at(spec, path);
      const isName = typeof value === "string" && path.endsWith(`[${JSON.stringify(value)}]`);
      assert.ok(isName || Object.is(found, value), `${path} is not what ${message} says`);
    }
    return true;
  }
}

/** What a spec says at a path like `env["A=B"][0].x`. */
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

/** The same with its fields in the other order. */
function reversed<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).reverse()) as T;
}
