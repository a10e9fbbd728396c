import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import fc from "fast-check";
import {
  ContainerConfigSchema,
  ExecSyncResponseSchema,
  file_runtime_v1_api,
  ImageService,
  ListContainersResponseSchema,
  PodSandboxConfigSchema,
  PodSandboxStatusResponseSchema,
  PullImageRequestSchema,
  RuntimeService,
} from "../../gen/runtime/v1/api_pb.js";
import { redact } from "../../src/index.js";
import { blotOut, secretForms } from "../../src/observe/secret-forms.js";
import { anyMessage } from "../crictl/arbitrary.js";
import { failure } from "../testing/embedded/support.js";
import { secret } from "./support.js";

/** Where secrets are, written down here once more. */
const masked = [
  "runtime.v1.AuthConfig.auth",
  "runtime.v1.AuthConfig.identity_token",
  "runtime.v1.AuthConfig.password",
  "runtime.v1.AuthConfig.registry_token",
];
const maskedByUs = [
  "runtime.v1.AttachResponse.url",
  "runtime.v1.ContainerStatusResponse.info",
  "runtime.v1.ExecResponse.url",
  "runtime.v1.ImageStatusResponse.info",
  "runtime.v1.KeyValue.value",
  "runtime.v1.PodSandboxStatusResponse.info",
  "runtime.v1.PortForwardResponse.url",
  "runtime.v1.StatusResponse.info",
];
const nameOf = (field: DescField) => `${field.parent.typeName}.${field.name}`;
const fields = file_runtime_v1_api.messages.flatMap((message) => message.fields);
const methods = [...RuntimeService.methods, ...ImageService.methods];
const schemas: DescMessage[] = methods.flatMap(({ input, output }) => [input, output]);

test("the schema marks what is expected, and has what we mask beside it", () => {
  const marked = fields.filter(({ proto }) => proto.options?.debugRedact);
  assert.deepEqual(marked.map(nameOf).sort(), masked);
  const names = new Set(fields.map(nameOf));
  assert.deepEqual(
    maskedByUs.filter((name) => !names.has(name)),
    [],
  );
});

test("a message becomes a plain object: set fields, by their names, with secrets masked", () => {
  const request = create(PullImageRequestSchema, {
    image: { image: "busybox" },
    auth: { username: "me", password: secret, identityToken: secret },
  });
  assert.deepEqual(redact(PullImageRequestSchema, request), {
    image: { image: "busybox" },
    auth: { username: "me", password: "[redacted]", identityToken: "[redacted]" },
  });
  const config = create(ContainerConfigSchema, {
    envs: [{ key: "TOKEN", value: Buffer.from(secret) }, { key: "EMPTY" }],
    args: ["--token", secret],
    labels: { a: "b" },
    linux: { resources: { memoryLimitInBytes: 2n ** 40n }, securityContext: { seccomp: { profileType: 1 } } },
  });
  assert.deepEqual(redact(ContainerConfigSchema, config), {
    envs: [{ key: "TOKEN", value: "[redacted]" }, { key: "EMPTY" }],
    args: ["--token", secret],
    labels: { a: "b" },
    linux: {
      resources: { memoryLimitInBytes: "1099511627776" },
      securityContext: { seccomp: { profileType: "Unconfined" } },
    },
  });
});

test("more may be masked, and the environment shown; a field that is not there is refused", async () => {
  const config = create(ContainerConfigSchema, {
    envs: [{ key: "A", value: Buffer.from("shown") }],
    args: [secret],
    annotations: { a: secret },
  });
  const maskFields = ["runtime.v1.ContainerConfig.args", "runtime.v1.ContainerConfig.annotations"];
  assert.deepEqual(redact(ContainerConfigSchema, config, { maskEnv: false, maskFields }), {
    envs: [{ key: "A", value: "shown" }],
    args: "[redacted]",
    annotations: { a: "[redacted]" },
  });
  for (const options of [
    { maskFields: ["runtime.v1.ContainerConfig.arg"] },
    { maskFields: ["args"] },
    { limitChars: -1 },
    { limitItems: 1.5 },
  ]) {
    const error = await failure(Promise.resolve().then(() => redact(ContainerConfigSchema, config, options)));
    assert.equal(error.reason, "invalid_option");
    assert.equal(error.problems[0]?.path.replace(/\[.*/, ""), Object.keys(options)[0]);
  }
});

test("long texts, lists, maps and bytes are cut, and say so", () => {
  const list = create(ListContainersResponseSchema, {
    containers: Array.from({ length: 30 }, (_, index) => ({ id: `${index}` })),
  });
  const { containers } = redact(ListContainersResponseSchema, list, { limitItems: 2 });
  assert.deepEqual(containers, [{ id: "0" }, { id: "1" }, "[28 more]"]);
  const answer = create(ExecSyncResponseSchema, { stdout: Buffer.from(secret), exitCode: 3 });
  assert.deepEqual(redact(ExecSyncResponseSchema, answer), { stdout: "[15 bytes]", exitCode: 3 });
  const config = create(PodSandboxConfigSchema, {
    hostname: `abc😀${"x".repeat(10)}`,
    labels: { a: "1", b: "2", c: "3" },
  });
  assert.deepEqual(redact(PodSandboxConfigSchema, config, { limitChars: 4, limitItems: 1 }), {
    hostname: "abc… [15 characters]",
    labels: { a: "1", "…": "[2 more]" },
  });
  const verbose = create(PodSandboxStatusResponseSchema, { info: { info: `{"env":"${secret}"}` } });
  assert.deepEqual(redact(PodSandboxStatusResponseSchema, verbose), { info: { info: "[redacted]" } });
});

test("whatever a message holds: no secret comes out, and JSON takes it", () => {
  const secrets = new Set([...masked, ...maskedByUs]);
  let planted = 0;
  for (const schema of schemas)
    fc.assert(
      fc.property(anyMessage(schema), fc.nat(40), fc.nat(4), (message, limitChars, limitItems) => {
        planted += plant(reflect(schema, message), secrets);
        const shown = redact(schema, message, { limitChars, limitItems });
        const text = JSON.stringify(shown);
        assert.equal(JSON.stringify(JSON.parse(text)), text);
        assert.ok(!text.includes(secret), text);
      }),
      { numRuns: 25 },
    );
  assert.ok(planted > 100, `only ${planted} secrets were tried`);
});

/** Puts the secret wherever there is a value that may be one; how often. */
function plant(message: ReflectMessage, secrets: ReadonlySet<string>): number {
  let count = 0;
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const isSecret = secrets.has(nameOf(field));
    if (field.fieldKind === "message") count += plant(message.get(field), secrets);
    else if (field.fieldKind === "list" && field.message)
      for (const item of message.get(field)) count += plant(item as ReflectMessage, secrets);
    else if (field.fieldKind === "map" && field.message)
      for (const [, item] of message.get(field)) count += plant(item as ReflectMessage, secrets);
    else if (field.fieldKind === "map" && isSecret)
      for (const key of message.get(field).keys()) {
        message.get(field).set(key, secret);
        count++;
      }
    else if (isSecret) {
      const text = `${secret}${message.get(field)}`;
      message.set(field, field.scalar === ScalarType.BYTES ? Buffer.from(text) : text);
      count++;
    }
  }
  return count;
}

test("a secret is found in a text however it is written there", () => {
  const forms = secretForms("a b!(c)~$&+,:=@'*/\"é", "me");
  for (const form of [
    "a b!(c)~$&+,:=@'*/\"é",
    "a b!(c)~$&+,:=@'*/\\\"é",
    "a+b%21%28c%29~%24%26%2B%2C%3A%3D%40%27%2A%2F%22%C3%A9",
    "a%20b%21%28c%29~$&+%2C:=@%27%2A%2F%22%C3%A9",
    "a%20b!(c)~%24%26%2B%2C%3A%3D%40'*%2F%22%C3%A9",
    Buffer.from("a b!(c)~$&+,:=@'*/\"é").toString("base64"),
    Buffer.from("me:a b!(c)~$&+,:=@'*/\"é").toString("base64"),
  ])
    assert.match(blotOut(`before ${form} after`, forms, "-"), /^before -=* after$/, form);
  // Half of a character can be in no URL; the whole word is hidden all the same.
  assert.equal(blotOut("x \ud800abc y", secretForms("\ud800abc"), "-"), "x - y");
  assert.deepEqual(secretForms("abc", "me"), []);
});
