import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { DescMessage } from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../../gen/runtime/v1/api_pb.js";
import { requestFields } from "../../../src/testing/embedded/fields.js";
import { checkout } from "../../support/checkout.js";

/** All messages that requests consist of. */
function messagesOfRequests(): Map<string, DescMessage> {
  const found = new Map<string, DescMessage>();
  const visit = (message: DescMessage): void => {
    if (found.has(message.name)) return;
    found.set(message.name, message);
    for (const field of message.fields) if (field.message) visit(field.message);
  };
  for (const service of [RuntimeService, ImageService]) for (const { input } of service.methods) visit(input);
  return found;
}

test("each field of each request is classified, and nothing else is", () => {
  const expected = [...messagesOfRequests().values()].flatMap((message) =>
    message.fields.length > 0
      ? message.fields.map((field) => `${message.name}.${field.localName}`)
      : [message.name],
  );
  const classified = Object.entries(requestFields).flatMap(([name, rows]) => {
    const fields = Object.keys(rows);
    return fields.length > 0 ? fields.map((field) => `${name}.${field}`) : [name];
  });
  assert.deepEqual(classified.toSorted(), expected.toSorted());
});

test("the documentation names each field that has no effect or is refused", async () => {
  const page = await readFile(join(checkout, "docs/testing.md"), "utf8");
  const messages = messagesOfRequests();
  const missing = Object.entries(requestFields).flatMap(([message, rows]) =>
    Object.entries(rows).flatMap(([field, handling]) => {
      const name = messages.get(message)?.fields.find(({ localName }) => localName === field)?.name ?? field;
      const isNamed = page.includes(`\`${name}\``);
      return handling === "done" || handling === "checked" || handling === "unimplemented" || isNamed
        ? []
        : [`${message}.${name}`];
    }),
  );
  // Parts of a field that is named as a whole.
  const ofNamed =
    /^(SELinuxOption|HugepageLimit|Windows\w+|Capability|RuntimeConfig|UpdateRuntimeConfigRequest)\./;
  assert.deepEqual(
    missing.filter((name) => !ofNamed.test(name)),
    [],
  );
});
