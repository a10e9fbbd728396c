import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type AuthFile, parseAuthFile } from "../../src/images/auth/auth-file.js";
import { dockerAuth, isCriError, podmanAuth } from "../../src/index.js";
import { tempFolder } from "../support/temp.js";
import { failure } from "../testing/embedded/support.js";
import { base64, found, shown, thrown, write } from "./support.js";

const entry = (user: string) => ({ auth: base64(`${user}:pw-of-${user}`) });
const of = (user: string) => ({ username: user, password: `pw-of-${user}` });

test("docker's config.json: exact keys first, then keys with a scheme or a path; tokens; no more than the registry's own", async (t) => {
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

test("docker's places: DOCKER_CONFIG, ~/.docker, ~/.dockercfg; none is no error, a named one is; read anew each time", async (t) => {
  const HOME = await tempFolder(t);
  const auth = () => dockerAuth(undefined, { env: { HOME } });
  assert.deepEqual(await found(auth(), "r.example/x"), []);
  await write(HOME, ".dockercfg", { "r.example": entry("flat") });
  assert.deepEqual(await found(auth(), "r.example/x"), [of("flat")]);
  const source = auth();
  await write(HOME, ".docker/config.json", { auths: { "r.example": entry("home") } });
  assert.deepEqual(await found(source, "r.example/x"), [of("home")]);
  await write(HOME, "other/config.json", { auths: { "r.example": entry("other") } });
  const elsewhere = dockerAuth(undefined, { env: { HOME, DOCKER_CONFIG: `${HOME}/other` } });
  assert.deepEqual(await found(elsewhere, "r.example/x"), [of("other")]);
  const missing = await failure(found(dockerAuth(`${HOME}/none.json`), "r.example/x"));
  assert.equal(missing.reason, "credentials_failed");
  assert.match(missing.text, /none\.json cannot be read/);
});

test("podman's files: the most special key first, then the next file, then docker's", async (t) => {
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

test("podman's files: trouble in one is none of the others'", async (t) => {
  const folder = await tempFolder(t);
  const env = { HOME: folder, XDG_RUNTIME_DIR: join(folder, "run") };
  const source = podmanAuth(undefined, { env });
  await write(folder, "run/containers/auth.json", { auths: { "r.example": { auth: base64("me:pw") } } });
  for (const trouble of ["{", "", { auths: { other: { auth: "!" } } }, { credsStore: "not-installed" }]) {
    await write(folder, ".docker/config.json", trouble);
    assert.deepEqual(await found(source, "r.example/x"), [{ username: "me", password: "pw" }]);
    await assert.rejects(found(source, "elsewhere.example/x"), { name: "CriError" });
  }
});

test("a file that is wrong: every place, and never what stands there", () => {
  const secretText = "hunter2hunter2";
  const json = {
    auths: { a: { auth: secretText }, b: { username: 5 }, c: secretText, d: { auth: "!" } },
    credsStore: "../../bin/evil",
    credHelpers: { r: `${secretText}/x` },
  };
  const error = thrown(() => parseAuthFile(JSON.stringify(json), "F"));
  assert.equal(error.reason, "invalid_file");
  assert.deepEqual(
    error.problems.map(({ path }) => path),
    [
      'auths["a"].auth',
      'auths["b"].username',
      'auths["c"]',
      'auths["d"].auth',
      'credHelpers["r"]',
      "credsStore",
    ],
  );
  assert.ok(!shown(error).includes(secretText));
  const broken = thrown(() => parseAuthFile(`{"auths": {"a": {"auth": "${secretText}"`, "F"));
  assert.equal(broken.reason, "invalid_file");
  assert.ok(!shown(broken).includes(secretText));
});

/** Writes down what was read. */
function print({ entries, credsStore, credHelpers }: AuthFile): string {
  const auths = entries.map(({ key, login, identityToken }) => [
    key,
    { ...login, identitytoken: identityToken },
  ]);
  return JSON.stringify({
    auths: Object.fromEntries(auths),
    credsStore,
    credHelpers: Object.fromEntries(credHelpers),
  });
}

test("any text is an auth file that prints back equal, or a typed error without what it said", () => {
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
  let good = 0;
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const read = parseAuthFile(text, "F");
        assert.deepEqual(parseAuthFile(print(read), "F"), read);
        good++;
      } catch (error) {
        if (!isCriError(error)) throw error;
        assert.equal(error.reason, "invalid_file");
        assert.ok(error.problems.every((problem) => !("value" in problem)));
      }
    }),
    { numRuns: 2_000 },
  );
  assert.ok(good > 200, `only ${good} texts were files`);
});
