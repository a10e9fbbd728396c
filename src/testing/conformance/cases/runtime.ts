import assert from "node:assert/strict";
import { CgroupDriver } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";

/** Version, Status and runtime configuration. */
export const runtimeCases = casesOf("runtime", {
  "version-names-the-runtime": {
    title: "Version names the runtime and its version",
    rule: "VersionResponse.runtime_name and runtime_version are filled by the runtime.",
    async run({ runtime }) {
      const { runtimeName, runtimeVersion } = await runtime.version();
      assert.match(runtimeName, /\S/);
      assert.match(runtimeVersion, /\d/);
    },
  },
  "version-is-of-cri-v1": {
    title: "Version reports API version v1",
    rule: "VersionResponse.runtime_api_version is the version of the interface that is served: v1.",
    async run({ runtime }) {
      assert.equal((await runtime.version()).runtimeApiVersion, "v1");
    },
  },
  "version-does-not-depend-on-the-caller": {
    title: "Version ignores the caller's version",
    rule: "VersionRequest.version may be empty or anything: Version's response does not depend on it.",
    async run({ runtime }) {
      const plain = await runtime.version();
      for (const version of ["0.1.0", "v1", "999.999"]) {
        const { runtimeName, runtimeVersion, runtimeApiVersion } = await runtime.version({ version });
        assert.deepEqual(
          [runtimeName, runtimeVersion, runtimeApiVersion],
          [plain.runtimeName, plain.runtimeVersion, plain.runtimeApiVersion],
        );
      }
    },
  },
  "status-has-both-conditions": {
    title: "Status reports RuntimeReady and NetworkReady",
    rule: "Status: RuntimeStatus.conditions always holds the conditions RuntimeReady and NetworkReady.",
    async run({ runtime }) {
      const { status } = await runtime.status();
      const types = status?.conditions.map(({ type }) => type) ?? [];
      for (const type of ["RuntimeReady", "NetworkReady"]) assert.ok(types.includes(type), `${types}`);
    },
  },
  "status-has-each-condition-once": {
    title: "Status reports each condition once",
    rule: "Status: RuntimeStatus.conditions has one RuntimeCondition for a type; two could contradict each other.",
    async run({ runtime }) {
      const types = (await runtime.status()).status?.conditions.map(({ type }) => type) ?? [];
      assert.deepEqual(types, [...new Set(types)]);
      assert.ok(types.every((type) => type !== ""));
    },
  },
  "status-is-ready": {
    title: "a runtime that runs pods reports that it is ready",
    rule: "In Status, the conditions RuntimeReady and NetworkReady are true where pods can be run.",
    async run(context) {
      await context.sharedPod();
      const { status } = await context.runtime.status();
      for (const wanted of ["RuntimeReady", "NetworkReady"]) {
        const condition = status?.conditions.find(({ type }) => type === wanted);
        assert.equal(condition?.status, true, `${wanted}: ${condition?.reason} ${condition?.message}`);
      }
    },
  },
  "status-has-no-info-by-default": {
    title: "Status has no info unless requested",
    rule: "StatusResponse.info is empty unless StatusRequest.verbose is true.",
    async run({ runtime }) {
      assert.deepEqual((await runtime.status()).info, {});
    },
  },
  "status-has-info-when-requested": {
    title: "Status has info when requested",
    rule: "StatusResponse.info has details for debugging when StatusRequest.verbose is true.",
    async run({ runtime }) {
      const { info, status } = await runtime.status({ verbose: true });
      assert.notEqual(Object.keys(info).length, 0);
      assert.ok(status);
    },
  },
  "status-lists-the-default-handler": {
    title: "Status lists the runtime handlers, the default one among them",
    rule: 'StatusResponse.runtime_handlers has every handler of the node; the default one has the name "".',
    async run({ runtime }) {
      const names = (await runtime.status()).runtimeHandlers.map(({ name }) => name);
      assert.ok(names.includes(""), `handlers: ${JSON.stringify(names)}`);
      assert.deepEqual(names, [...new Set(names)]);
    },
  },
  "status-reports-features": {
    title: "Status reports the runtime's features",
    rule: "StatusResponse.features is set, and each feature in it is true if the runtime supports it.",
    async run({ runtime }) {
      assert.ok((await runtime.status()).features, "features is unset");
    },
  },
  "config-names-the-cgroup-driver": {
    title: "RuntimeConfig names the cgroup driver",
    rule: "RuntimeConfigResponse.linux.cgroup_driver is the driver that the caller must use as well.",
    async run({ runtime }) {
      const { linux } = await runtime.runtimeConfig();
      assert.ok(linux, "linux is unset");
      assert.ok(Object.values<number>(CgroupDriver).includes(linux.cgroupDriver), `${linux.cgroupDriver}`);
    },
  },
  "update-accepts-an-empty-request": {
    title: "UpdateRuntimeConfig accepts an empty request repeatedly",
    rule: "UpdateRuntimeConfigRequest.runtime_config may be unset, and UpdateRuntimeConfig may be repeated.",
    async run({ runtime }) {
      await runtime.updateRuntimeConfig({});
      await runtime.updateRuntimeConfig({});
    },
  },
  "update-accepts-an-empty-range": {
    title: "UpdateRuntimeConfig with an empty address range changes nothing",
    rule: "UpdateRuntimeConfig: an empty NetworkConfig.pod_cidr changes nothing, and pods still run.",
    async run(context) {
      await context.runtime.updateRuntimeConfig({ runtimeConfig: { networkConfig: { podCidr: "" } } });
      const { status } = await context.runtime.status();
      assert.equal(status?.conditions.find(({ type }) => type === "NetworkReady")?.status, true);
    },
  },
});
