// A message that is written to a file and read again is the same, in both dialects.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescMessage, equals, type MessageShape, toJsonString } from "@bufbuild/protobuf";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { fromGoJson, parseContainerConfig, parseSandboxConfig, toGoJson } from "../../src/crictl/index.js";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../src/v1.js";
import { anyMessage } from "../support/arbitrary-messages.js";

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
      // As YAML, which distinguishes strings from numbers differently.
      // A plain `<<` would be a merge key.
      const keys = text.includes('"<<"') ? ({ defaultKeyType: "QUOTE_DOUBLE" } as const) : {};
      same(message, read(stringify(parse(text, { intAsBigInt: true }), keys), {}));
      const protojson = toJsonString(schema, message, { prettySpaces: 2 });
      same(message, read(protojson, { dialect: "protojson" }));
    }),
    { numRuns: 150 },
  );
}

test("any pod config survives the round trip", () => holds(PodSandboxConfigSchema, parseSandboxConfig));

test("any container config survives the round trip", () =>
  holds(ContainerConfigSchema, parseContainerConfig));
