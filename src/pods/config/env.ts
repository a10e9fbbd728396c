import type { MessageInitShape } from "@bufbuild/protobuf";
import type { KeyValueSchema } from "../../../gen/runtime/v1/api_pb.js";
import { type Fields, readText } from "./fields.js";
import type { ContainerSpec } from "./spec-container.js";

/** Variables in the order they were written. Bytes are copied: the config is not changed by what happens to them later. */
export function readEnv(fields: Fields<ContainerSpec>): MessageInitShape<typeof KeyValueSchema>[] {
  const encoder = new TextEncoder();
  const read = fields.entries("env", (name, value, path) => {
    const named = readText(
      name,
      path,
      (problem) => fields.report({ ...problem, message: `is named wrongly: the name ${problem.message}` }),
      variableName,
    );
    if (value instanceof Uint8Array) {
      if (value.includes(0)) fields.report({ path, message: "must not have a NUL byte", value });
      return named === undefined ? undefined : Uint8Array.from(value);
    }
    if (typeof value !== "string") {
      fields.report({ path, message: `must be a string or bytes, got ${typeof value}`, value });
      return undefined;
    }
    const text = readText(value, path, fields.report);
    return named === undefined || text === undefined ? undefined : encoder.encode(text);
  });
  return read.map(([key, value]) => ({ key, value }));
}

function variableName(name: string): string | undefined {
  return name === "" || name.includes("=") ? 'must not be empty, and have no "="' : undefined;
}
