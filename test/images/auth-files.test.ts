import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type AuthFile, parseAuthFile } from "../../src/images/auth/auth-file.js";
import { dockerAuth, isCriError, podmanAuth } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { tempFolder } from "../support/temp.js";
import { base64, found, shown, write } from "./support.js";

const entry = (user: string) => ({ auth: base64(`${user}:pw-of-${user}`) });
const of = (user: string) => ({ username: user, password: `pw-of-${user}` });

test("Docker's config.json: exact keys precede keys with a scheme or a path, and other registries' keys do not match", async (t) => {
  const folder = await tempFolder(t);
  const path = await write(folder, "config.json", {
    auths: {
      "https://reg.example/v1/": entry("old"),
      "reg.example": entry("exact"),
      "reg.example:5000": entry("port"),
      "https://index.docker.io/v1/": entry("hub"),
      "pair.example": { username: "u", password: "p:w", email: "x" },
      "token.example": { auth: base64("<token>:"), identitytoken: "t" },
      "helper.example": {},
      "zeros.example": { auth: base64("u:pw\0\0") },
    },
  });
  const source = dockerAuth(path);
  assert.deepEqual(await found(source, "reg.example/x"), [of("exact"), of("old")]);
  assert.deepEqual(await found(source, "reg.example:5000/x"), [of("port")]);
  assert.deepEqual(await found(source, "busybox"), [of("hub")]);
  assert.deepEqual(await found(source, "pair.example/x"), [{ username: "u", password: "p:w" }]);
  assert.deepEqual(await found(source, "token.example/x"), [{ identityToken: "t" }]);
  assert.deepEqual(await found(source, "zeros.example/x"), [{ username: "u", password: "pw" }]);
  assert.deepEqual(await found(source, "helper.example/x"), []);
  assert.deepEqual(await found(source, "other.example/x"), []);
});

test("Docker's default paths are read at each look-up and may be missing; an explicit path must exist", async (t) => {
  const HOME = await tempFolder(t);
  const auth = () => dockerAuth(undefined, { env: { HOME } });
  assert.deepEqual(await found(auth(), "r.example/x"), []);
  await write(HOME, ".dockercfg", { "r.example": entry("flat") });
  assert.deepEqual(await found(auth(), "r.example/x"), [of("flat")]);
  const source = auth();
  await write(HOME, ".docker/config.json", { auths: { "r.example": entry("home") } });
  assert.deepEqual(await found(source, "r.example/x"), [of("home")]);
  await write(HOME, "other/config.json", { auths: { "r.example": entry("other") } });
  const other = dockerAuth(undefined, { env: { HOME, DOCKER_CONFIG: `${HOME}/other` } });
  assert.deepEqual(await found(other, "r.example/x"), [of("other")]);
  const missing = await failure(found(dockerAuth(`${HOME}/none.json`), "r.example/x"));
  assert.equal(missing.reason, "credentials_failed");
  assert.match(missing.rawMessage, /none\.json: cannot be read/);
});

test("Podman's files: the most specific key first, then the next file, then Docker's", async (t) => {
  const HOME = await tempFolder(t);
  const env = { HOME, XDG_RUNTIME_DIR: `${HOME}/run`, XDG_CONFIG_HOME: `${HOME}/cfg` };
  await write(HOME, "run/containers/auth.json", {
    auths: {
      "q.example": entry("host"),
      "q.example/team": entry("team"),
      "q.example/team/app": entry("app"),
      "q.example/te": entry("prefix"),
      "docker.io/foo": entry("hub-foo"),
    },
  });
  await write(HOME, "cfg/containers/auth.json", { auths: { "q.example": entry("config") } });
  await write(HOME, ".docker/config.json", { auths: { "https://q.example/v1/": entry("docker") } });
  const source = podmanAuth(undefined, { env });
  const names = async (image: string) =>
    (await found(source, image)).map((one) => (one as { username: string }).username);
  assert.deepEqual(await names("q.example/team/app:1"), ["app", "team", "host", "config", "docker"]);
  assert.deepEqual(await names("q.example/other"), ["host", "config", "docker"]);
  assert.deepEqual(await names("foo/bar"), ["hub-foo"]);
  assert.deepEqual(await names("busybox"), []);
  const only = await write(HOME, "only.json", { auths: { "q.example": entry("only") } });
  const named = podmanAuth(undefined, { env: { ...env, REGISTRY_AUTH_FILE: only } });
  assert.deepEqual(await found(named, "q.example/x"), [of("only")]);
});

test("Podman's files: a broken file does not affect the others", async (t) => {
  const folder = await tempFolder(t);
  const env = { HOME: folder, XDG_RUNTIME_DIR: join(folder, "run") };
  const source = podmanAuth(undefined, { env });
  await write(folder, "run/containers/auth.json", { auths: { "r.example": { auth: base64("me:pw") } } });
  for (const broken of [
    "{",
    { auths: { "other.example": { auth: "!" } } },
    { credsStore: "not-installed" },
    { credsStore: "a/b" },
  ]) {
    await write(folder, ".docker/config.json", broken);
    assert.deepEqual(await found(source, "r.example/x"), [{ username: "me", password: "pw" }]);
    await assert.rejects(found(source, "other.example/x"), { name: "CriError" });
  }
});

test("only a look-up of a bad entry fails, with its paths and no value", async (t) => {
  const folder = await tempFolder(t);
  const secretText = "hunter2hunter2";
  const path = await write(folder, "config.json", {
    auths: {
      "good.example": entry("good"),
      "base64.example": { auth: secretText },
      "typed.example": { username: 5, password: secretText },
      "text.example": secretText,
      "both.example": { auth: "!" },
      "https://both.example/v1/": entry("both"),
      "token.example": { auth: "!", identitytoken: "t" },
    },
    credHelpers: { "helper.example": `${secretText}/x`, "good.example": "" },
  });
  for (const source of [dockerAuth(path), podmanAuth(path)]) {
    assert.deepEqual(await found(source, "good.example/x"), [of("good")]);
    assert.deepEqual(await found(source, "other.example/x"), []);
    assert.deepEqual(await found(source, "both.example/x"), [of("both")]);
    assert.deepEqual(await found(source, "token.example/x"), [{ identityToken: "t" }]);
    for (const [domain, problem] of [
      ["base64.example", 'auths["base64.example"].auth'],
      ["typed.example", 'auths["typed.example"].username'],
      ["text.example", 'auths["text.example"]'],
      ["helper.example", 'credHelpers["helper.example"]'],
    ] as const) {
      const error = await failure(found(source, `${domain}/x`));
      assert.equal(error.reason, "invalid_file");
      assert.deepEqual(
        error.problems.map(({ path }) => path),
        [problem],
      );
      assert.ok(error.rawMessage.startsWith(`${path}: `), error.rawMessage);
      assert.ok(!shown(error).includes(secretText));
    }
  }
  // A common helper matters to every registry that has none of its own.
  const json = { auths: { r: entry("r") }, credsStore: "../../bin/evil", credHelpers: { r: "" } };
  const store = dockerAuth(await write(folder, "store.json", json));
  assert.deepEqual(
    (await failure(found(store, "other.example/x"))).problems.map(({ path }) => path),
    ["credsStore"],
  );
});

test("an empty file has no entries; a file that cannot be read at all fails without its text", async (t) => {
  const folder = await tempFolder(t);
  for (const text of ["", "\n", "{}", '{"auths":null}']) {
    const path = await write(folder, "config.json", text);
    assert.deepEqual(await found(dockerAuth(path), "r.example/x"), [], JSON.stringify(text));
    assert.deepEqual(await found(podmanAuth(path), "r.example/x"), [], JSON.stringify(text));
  }
  const secretText = "hunter2hunter2";
  for (const text of [`{"auths": {"a": {"auth": "${secretText}"`, `["${secretText}"]`, '{"auths":5}']) {
    const path = await write(folder, "config.json", text);
    const error = await failure(found(dockerAuth(path), "r.example/x"));
    assert.equal(error.reason, "invalid_file");
    assert.ok(!shown(error).includes(secretText));
  }
});

/** Formats an auth file as JSON. */
function print({ entries, credsStore, credHelpers }: AuthFile): string {
  const auths = entries.map(({ key, basic, identityToken }) => [
    key,
    { ...basic, identitytoken: identityToken },
  ]);
  return JSON.stringify({
    auths: Object.fromEntries(auths),
    credsStore,
    credHelpers: Object.fromEntries(credHelpers),
  });
}

test("any text parses to a file that round-trips, or throws invalid_file without values", () => {
  const auth = fc.oneof(
    fc
      .tuple(fc.string({ minLength: 1 }), fc.string())
      .map(([user, password]) => base64(`${user}:${password}`)),
    fc.base64String(),
    fc.string(),
  );
  const value = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record(
        { auth, username: fc.string(), password: fc.string(), identitytoken: fc.string() },
        { requiredKeys: [] },
      ),
    },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  const file = fc.record(
    {
      auths: fc.dictionary(fc.oneof(fc.domain(), fc.string()), value, { maxKeys: 3 }),
      credsStore: fc.oneof(fc.constantFrom("pass", "desktop"), fc.string()),
      credHelpers: fc.dictionary(fc.domain(), fc.constantFrom("pass", "ecr-login", "a/b"), { maxKeys: 2 }),
    },
    { requiredKeys: [] },
  );
  const texts = fc.oneof(
    file.map((json) => JSON.stringify(json)),
    fc.json(),
    fc.string(),
  );
  let valid = 0;
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const read = parseAuthFile(text, "F");
        const problems = [
          ...read.entries.flatMap(({ problems }) => problems),
          ...[read.credsStore, ...read.credHelpers.values()].filter((helper) => typeof helper === "object"),
        ];
        assert.ok(problems.every((problem) => !("value" in problem)));
        if (problems.length > 0) return;
        assert.deepEqual(parseAuthFile(print(read), "F"), read);
        valid++;
      } catch (error) {
        if (!isCriError(error)) throw error;
        assert.equal(error.reason, "invalid_file");
        assert.ok(error.problems.every((problem) => !("value" in problem)));
      }
    }),
    { numRuns: 2_000 },
  );
  assert.ok(valid > 200, `only ${valid} texts were valid`);
});

test("an auth file that is a FIFO, a device or too large is refused, and blocks nothing", {
  timeout: 30_000,
}, async (t) => {
  const folder = await tempFolder(t);
  const fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  const large = join(folder, "large");
  await writeFile(large, "");
  await truncate(large, 2 ** 40);
  for (const source of [dockerAuth, podmanAuth])
    for (const path of [fifo, "/dev/zero", folder, large])
      for (let attempt = 0; attempt < 5; attempt++) {
        const error = await failure(found(source(path), "reg.example/x"));
        assert.equal(error.reason, "credentials_failed");
        assert.match(error.message, /cannot be read: (must be a regular file|is larger than the limit)/);
      }
});
