// The config of a pod, from what runtimes report in a verbose PodSandboxStatus.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { configOf } from "../../src/pods/sandbox.js";
import {
  NamespaceMode,
  PodSandboxStatusSchema,
  Protocol,
  SecurityProfile_ProfileType,
} from "../../src/v1.js";

const id = "0123456789abcdef".repeat(4);
const status = create(PodSandboxStatusSchema, {
  id,
  metadata: { name: "web", namespace: "shop", uid: "uid", attempt: 2 },
  labels: { app: "web" },
  annotations: { note: "1" },
});

const infoOf = (annotations: Record<string, unknown>, more: object = {}) => ({
  info: JSON.stringify({
    pid: 17,
    runtimeSpec: {
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([name, value]) => [`io.kubernetes.cri-o.${name}`, value]),
      ),
      ...more,
    },
  }),
});

const complete = {
  LogPath: `/var/log/pods/shop_web_uid/${id}.log`,
  CgroupParent: "kubepods-poduid.slice",
  NamespaceOptions: '{"network":2,"pid":1}',
  HostName: "web-1",
  SeccompProfilePath: "RuntimeDefault",
  PrivilegedRuntime: "true",
  PortMappings: '[{"HostPort":53,"ContainerPort":5353,"Protocol":"UDP","HostIP":"127.0.0.1"},{"HostPort":1}]',
  PodLinuxResources: '{"cpu_shares":512}',
  PodLinuxOverhead: "null",
};

test("annotations of CRI-O's runtime spec are a config with what containers need", () => {
  const { config, from, missing } = configOf(
    status,
    infoOf(complete, { linux: { sysctl: { "net.a": "1" } } }),
  );
  assert.equal(from, "status");
  assert.ok(missing.includes("dnsConfig") && !missing.includes("logDirectory"));
  assert.equal(config.metadata?.attempt, 2);
  assert.deepEqual([config.labels, config.annotations], [{ app: "web" }, { note: "1" }]);
  assert.equal(config.hostname, "web-1");
  assert.equal(config.logDirectory, "/var/log/pods/shop_web_uid");
  assert.deepEqual(
    config.portMappings.map(({ $typeName: _, ...fields }) => fields),
    [
      { hostPort: 53, containerPort: 5353, protocol: Protocol.UDP, hostIp: "127.0.0.1" },
      { hostPort: 1, containerPort: 0, protocol: Protocol.TCP, hostIp: "" },
    ],
  );
  const { linux } = config;
  assert.equal(linux?.cgroupParent, "kubepods-poduid.slice");
  assert.deepEqual(linux?.sysctls, { "net.a": "1" });
  assert.equal(linux?.resources?.cpuShares, 512n);
  assert.equal(linux?.overhead, undefined);
  const { namespaceOptions, privileged, seccomp } = linux?.securityContext ?? {};
  assert.deepEqual(
    [namespaceOptions?.network, namespaceOptions?.pid],
    [NamespaceMode.NODE, NamespaceMode.CONTAINER],
  );
  assert.equal(privileged, true);
  assert.equal(seccomp?.profileType, SecurityProfile_ProfileType.RuntimeDefault);
});

test("defaults of CRI-O itself are not part of the config", () => {
  const { config } = configOf(
    status,
    infoOf({
      ...complete,
      HostName: id.slice(0, 12),
      LogPath: `/var/log/crio/pods/${id}/${id}.log`,
      SeccompProfilePath: "localhost/profiles/web.json",
    }),
  );
  assert.deepEqual([config.hostname, config.logDirectory], ["", ""]);
  assert.equal(config.linux?.securityContext?.seccomp?.localhostRef, "profiles/web.json");
});

for (const [name, info] of Object.entries({
  "no info": {},
  "no runtime spec": { info: '{"pid":17}' },
  "no JSON": { info: "none" },
  "no namespace options": infoOf({ ...complete, NamespaceOptions: "{" }),
  "annotations that are not strings": infoOf({ ...complete, LogPath: 5 }),
}))
  test(`without annotations, containers need allowPartialConfig: ${name}`, () => {
    const { from, missing } = configOf(status, info);
    assert.equal(from, "status");
    assert.ok(missing.includes("logDirectory"));
  });
