// The descriptors of gen/ are decoded on first use, and are then what @bufbuild/protobuf itself would have made.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, createRegistry, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import {
  ContainerStateSchema,
  ContainerStatusSchema,
  file_runtime_v1_api as file,
  RuntimeService,
  type VersionRequest,
  VersionRequestSchema,
} from "../src/v1.js";

// Before any test reads a property.
const wasDecoded = Object.keys(ContainerStatusSchema).length > 0;

test("importing the schemas decodes nothing", () => {
  assert.equal(wasDecoded, false);
});

test("descriptors refer to each other", () => {
  const { field } = ContainerStatusSchema;
  assert.equal(field.state.parent, ContainerStatusSchema);
  assert.equal(field.state.enum, ContainerStateSchema);
  assert.equal(ContainerStateSchema.values[0]?.parent, ContainerStateSchema);
  assert.equal(RuntimeService.method.version.input, VersionRequestSchema);
  assert.equal(RuntimeService.method.version.parent, RuntimeService);
  assert.equal(createRegistry(file).getMessage("runtime.v1.ContainerStatus"), ContainerStatusSchema);
  for (const type of nestedTypes(file)) assert.equal(type.file, file, String(type));
});

test("a descriptor looks like a plain one", () => {
  assert.equal(Object.getPrototypeOf(ContainerStatusSchema), Object.prototype);
  assert.equal("edition" in ContainerStatusSchema, false);
  assert.equal(String(ContainerStatusSchema), "message runtime.v1.ContainerStatus");
});

test("messages are created, encoded, decoded and written as JSON", () => {
  const request: VersionRequest = create(VersionRequestSchema, { version: "0.1.0" });
  assert.deepEqual(fromBinary(VersionRequestSchema, toBinary(VersionRequestSchema, request)), request);
  const status = create(ContainerStatusSchema, { id: "x", state: 1 });
  assert.deepEqual(toJson(ContainerStatusSchema, status), { id: "x", state: "CONTAINER_RUNNING" });
});
