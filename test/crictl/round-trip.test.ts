// Whatever a message holds, it is the same after it was written to a file and read again, in both dialects.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescMessage, equals, type MessageShape, toJsonString } from "@bufbuild/protobuf";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { fromGoJson, parseContainerConfig, parseSandboxConfig, toGoJson } from "../../src/crictl/index.js";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../src/v1.js";
import { anyMessage } from "./arbitrary.js";

function holds<Desc extends DescMessage>(
  schema: Desc,
  read: (text: string, options: { dialect?: "auto" | "protojson" }) => MessageShape<Desc>,
) {
  const same = (message: MessageShape<Desc>, again: MessageShape<Desc>) => {
    if (!equals(schema, message, again)) assert.deepEqual(again, message);
  };
  fc.assert(
    fc.property(anyMessage(schema), (message) => {
      const text = toGoJson(schema, message);
      same(message, read(text, {}));
      same(message, fromGoJson(schema, text));
      // The same as YAML, which has its own ideas of what is text and what is a number.
      same(message, read(stringify(parse(text, { intAsBigInt: true })), {}));
      const protojson = toJsonString(schema, message, { prettySpaces: 2 });
      same(message, read(protojson, { dialect: "protojson" }));
    }),
    { numRuns: 150 },
  );
}

test("a pod's config", () => holds(PodSandboxConfigSchema, parseSandboxConfig));

test("a container's config", () => holds(ContainerConfigSchema, parseContainerConfig));
