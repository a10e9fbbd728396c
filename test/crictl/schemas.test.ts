// The JSON Schemas are up to date, and accept and refuse the same files as the readers.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { toJson } from "@bufbuild/protobuf";
import { Ajv2020, type AnySchema } from "ajv/dist/2020.js";
import fc from "fast-check";
import { parse } from "yaml";
import { parseContainerConfig, parseSandboxConfig, toGoJson } from "../../src/crictl/index.js";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../src/v1.js";
import { anyMessage } from "../support/arbitrary-messages.js";
import { checkout, nodeArgs } from "../support/checkout.js";

const read = (path: string): unknown => parse(readFileSync(join(checkout, path), "utf8"));

function validator(name: string) {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  // The committed files are schemas.
  return ajv.compile(read(`schemas/${name}.schema.json`) as AnySchema);
}

const pods = validator("sandbox-config");
const containers = validator("container-config");
const protojsonPods = validator("sandbox-config.protojson");
const protojsonContainers = validator("container-config.protojson");

test("the schemas are up to date", () => {
  const node = nodeArgs("scripts/crictl-schemas.ts", "--check");
  const { status, stderr } = spawnSync(process.execPath, node, {
    cwd: checkout,
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
});

test("the files of the other tests are valid, each in its own dialect only", () => {
  const [pod, container, protojson] = ["pod.json", "container.yaml", "container.protojson.yaml"].map((name) =>
    read(`test/crictl/files/${name}`),
  );
  assert.ok(pods(pod), JSON.stringify(pods.errors));
  assert.ok(containers(container), JSON.stringify(containers.errors));
  assert.ok(protojsonContainers(protojson), JSON.stringify(protojsonContainers.errors));
  assert.equal(protojsonContainers(container), false);
  assert.equal(containers(protojson), false);
});

test("everything that toGoJson and toJson format is valid", () => {
  const dialects = [
    [PodSandboxConfigSchema, pods, protojsonPods],
    [ContainerConfigSchema, containers, protojsonContainers],
  ] as const;
  for (const [schema, crictl, protojson] of dialects)
    fc.assert(
      fc.property(anyMessage<typeof schema>(schema), (message) => {
        assert.ok(crictl(JSON.parse(toGoJson(schema, message))), JSON.stringify(crictl.errors));
        assert.ok(protojson(toJson(schema, message)), JSON.stringify(protojson.errors));
      }),
      { numRuns: 50 },
    );
});

test("files that the readers refuse are not valid", () => {
  const wrongPods: readonly unknown[] = [
    { hostnam: "a" },
    { metadata: { nmae: "a" } },
    { linux: { security_context: { run_as_user: 1000 } } },
    { linux: { resources: { cpu_shares: "5" } } },
    { port_mappings: [{ protocol: "UDP" }] },
    { port_mappings: [{ protocol: 7 }] },
    { metadata: { attempt: -1 } },
    { labels: { a: 1 } },
    { logDirectory: "/" },
    [],
  ];
  for (const value of wrongPods) {
    assert.equal(pods(value), false, JSON.stringify(value));
    assert.throws(() => parseSandboxConfig(JSON.stringify(value), { dialect: "crictl" }), {
      reason: "invalid_file",
    });
  }
  for (const value of [{ comand: [] }, { envs: [{ key: "A", valu: "" }] }, { mounts: {} }]) {
    assert.equal(containers(value), false, JSON.stringify(value));
    assert.throws(() => parseContainerConfig(JSON.stringify(value)), { reason: "invalid_file" });
  }
});

test("every field has a description for editors", () => {
  const schema = read("schemas/sandbox-config.schema.json") as {
    readonly properties: Readonly<Record<string, { readonly description?: string }>>;
  };
  for (const [name, { description }] of Object.entries(schema.properties))
    assert.ok(name === "$schema" || (description ?? "").length > 10, name);
});
