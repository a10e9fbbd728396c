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
import { maskSecrets, secretForms } from "../../src/observe/secret-forms.js";
import { redact } from "../../src/observe.js";
import { anyMessage } from "../support/arbitrary-messages.js";
import { failure } from "../support/failure.js";
import { secret } from "./support.js";

/** The secret fields, listed here independently of the implementation. */
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

test("the schema marks the expected fields, and contains the others that we mask", () => {
  const marked = fields.filter(({ proto }) => proto.options?.debugRedact);
  assert.deepEqual(marked.map(nameOf).sort(), masked);
  const names = new Set(fields.map(nameOf));
  assert.deepEqual(
    maskedByUs.filter((name) => !names.has(name)),
    [],
  );
});

test("a message becomes a plain object of its set fields, with secrets masked", () => {
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

test("additional fields can be masked, and the environment shown; an unknown field is rejected", async () => {
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

test("long strings, lists, maps and bytes are truncated with a note", () => {
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

test("of random messages, the result contains no secret and can be serialized as JSON", () => {
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

/** Writes the secret to every field that may contain one. Returns how often. */
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

const password = "a b!(c)~$&+,:=@'*/\"é\\<%3C>😀\n0";
const bytes = Buffer.from(password);
const padded = (text: string, before: string, after: string) => base64(`${before}${text}${after}`);
const base64 = (text: string) => Buffer.from(text).toString("base64");
const goJson = (text: string) =>
  JSON.stringify(text).replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);
const html = (text: string) =>
  text.replace(
    /[<>&"']/g,
    (sign) => ({ "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&#34;", "'": "&#39;" })[sign] ?? sign,
  );
const percent = (text: string) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

/** How programs print a string. None of these may show the secret. */
const printed: Readonly<Record<string, string>> = {
  plain: password,
  JSON: JSON.stringify(password),
  "Go's JSON": goJson(password),
  "JSON in JSON": goJson(goJson(password)),
  "Go's %q": `"a b!(c)~$&+,:=@'*/\\"é\\\\<%3C>😀\\n0"`,
  "Go's %+q": `"a b!(c)~$&+,:=@'*/\\"\\u00e9\\\\<%3C>\\U0001f600\\n0"`,
  "JavaScript's braces": password.replace("<", "\\u{3c}").replaceAll("\\", "\\x5c").replace("\\x5cu", "\\u"),
  "C's octal": String.raw`a b!(c)~$&+,:=@'*/"\303\251\\<%3C>\360\237\230\200\0120`,
  HTML: html(password),
  "HTML, numeric": [...password].map((sign) => `&#x${sign.codePointAt(0)?.toString(16)};`).join(""),
  "HTML in JSON": goJson(html(password)),
  "URL, JavaScript": encodeURIComponent(password),
  "URL query, Go": encodeURIComponent(password)
    .replace(/[!'()*]/g, (sign) => percent(sign).toUpperCase())
    .replaceAll("%20", "+"),
  "URL path, Go": "a%20b%21%28c%29~$&+%2C:=@%27%2A%2F%22%C3%A9%5C%3C%253C%3E%F0%9F%98%80%0A0",
  "URL, every byte in lower case": percent(password),
  "URL twice": encodeURIComponent(encodeURIComponent(password)),
  "URL in JSON": JSON.stringify(`https://me:${encodeURIComponent(password)}@r.example/`),
  hex: bytes.toString("hex"),
  HEX: bytes.toString("hex").toUpperCase(),
  "hex, spaced": bytes.toString("hex").replace(/../g, "$& "),
  "hex, with colons": bytes.toString("hex").replace(/..(?!$)/g, "$&:"),
  "Go's %#v of bytes": [...bytes].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`).join(", "),
  "Go's %v of bytes": `[${[...bytes].join(" ")}]`,
  "JSON of bytes": JSON.stringify([...bytes]),
  "hex within a longer one": Buffer.from(`x${password}y`).toString("hex"),
  base64: base64(password),
  "base64 without padding": base64(password).replace(/=+$/, ""),
  "base64 for URLs": bytes.toString("base64url"),
  "basic authentication": base64(`me:${password}`),
  "base64 in JSON": goJson(base64(`${password}>>`)),
  "base64 of JSON": base64(JSON.stringify({ auths: { r: { password } } })),
  "base64 of JSON with base64": base64(JSON.stringify({ auths: { r: { auth: base64(`me:${password}`) } } })),
};

test("a secret is masked in a text in every form in which programs print it", () => {
  const forms = secretForms(password);
  for (const [name, form] of Object.entries(printed)) {
    const text = maskSecrets(`before ${form} after`, forms, "#");
    assert.match(text, /^before .*#.* after$/s, name);
    assert.ok(!/b!|%21|%2[1-9]|6221|98 33/i.test(text), `${name}: ${text}`);
  }
  // The bytes of a secret in the base64 of a longer text depend on its position.
  for (const before of ["", "x", "xy", "xyz", "user name:"])
    for (const after of ["", "x", "xy", "xyz"]) {
      const text = maskSecrets(`before ${padded(password, before, after)} after`, forms, "#");
      assert.equal(text, "before # after", JSON.stringify([before, after]));
    }
});

test("texts without the secret are unchanged; short secrets and half characters", () => {
  const forms = secretForms(password);
  const digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  for (const text of [
    `failed to pull "docker.io/library/busybox@${digest}": 401 Unauthorized, %zz \\u12 &nope; é😀\ud800`,
    "",
    "100% of [1 2 3 4 5 999]",
  ])
    assert.equal(maskSecrets(text, forms, "#"), text);
  // Half of a surrogate pair cannot be escaped; the plain form is masked anyway.
  assert.equal(maskSecrets("x \ud800abc y", secretForms("\ud800abc"), "-"), "x - y");
  assert.deepEqual(secretForms("abc"), []);
  // A runtime may trim the line feed of a value, and prints bytes that are not UTF-8 as replacement characters.
  assert.equal(maskSecrets("bad token hunter2", secretForms("hunter2\n"), "-"), "bad token -");
  const raw = Buffer.from([0x61, 0xff, 0x62, 0x63]);
  assert.equal(maskSecrets("x a\ufffdbc, a\\xffbc y", secretForms(raw), "-"), "x -, - y");
});

test("random secrets are masked in random combinations of encodings", () => {
  const encodings = [goJson, html, encodeURIComponent, base64, percent, (text: string) => text];
  const encoding = fc.constantFrom(...encodings);
  const text = fc.string({ maxLength: 4 });
  fc.assert(
    fc.property(
      fc.string({ minLength: 6, maxLength: 20, unit: "grapheme" }).filter((one) => one.trim().length > 5),
      fc.array(encoding, { maxLength: 3 }),
      text,
      text,
      (secret, layers, before, after) => {
        const encoded = layers.reduce((rest, encode) => encode(rest), `${before}${secret}${after}`);
        const shown = maskSecrets(`error: ${encoded}.`, secretForms(secret), "█");
        assert.ok(shown.includes("█"), JSON.stringify([secret, encoded]));
      },
    ),
    { numRuns: 500 },
  );
});

test("a long text is searched in bounded time", () => {
  const forms = secretForms(password);
  for (const unit of ["\\", "%41", "&amp;", "12 ", "ff", "a/", "aGVsbG8h\\u003c%3C&lt;"]) {
    const text = unit.repeat(30_000 / unit.length);
    assert.equal(maskSecrets(text, forms, "#"), text);
  }
});
