import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keyMatches } from "../../src/images/auth/keyring.js";
import { globMatches } from "../../src/images/glob.js";
import { keyring } from "../../src/index.js";
import { base64, found, shown, thrown } from "./support.js";

const entry = (user: string) => ({ username: user, password: `pw-of-${user}` });

test("keys match by the kubelet's rules: port, patterns in host labels, path prefix", () => {
  const matching = [
    ["q.io", "q.io/foo"],
    ["q.io/foo", "q.io/foo/bar"],
    ["q.io/foo", "q.io/foobar"],
    ["*.q.io", "a.q.io/x"],
    ["*.*.io", "a.q.io/x"],
    ["reg?.q.io", "reg1.q.io/x"],
    ["reg[0-3].q.io", "reg2.q.io/x"],
    ["reg[^0-3].q.io", "reg4.q.io/x"],
    ["pre*post.io", "pre-and-post.io/x"],
    ["q.io:5000", "q.io:5000/x"],
    ["[fd00::12]:5000", "[fd00::12]:5000/x"],
    ["[fd00::12]", "[fd00::12]/x"],
  ];
  const others = [
    ["q.io", "q.io:5000/x"],
    ["q.io:5000", "q.io/x"],
    ["*.io", "a.q.io/x"],
    ["*", "q.io/x"],
    ["q.io/foo", "q.io/fo"],
    ["q.io/*", "q.io/foo"],
    ["Q.io", "q.io/x"],
    ["reg[.q.io", "reg[.q.io/x"],
    ["reg[9-0].q.io", "reg5.q.io/x"],
    ["q.io:*", "q.io:5000/x"],
    ["[fd00::12]:5000", "f:5000/x"],
  ];
  for (const [key = "", image = ""] of matching) assert.ok(keyMatches(key, image), `${key} matches ${image}`);
  for (const [key = "", image = ""] of others)
    assert.ok(!keyMatches(key, image), `${key} does not match ${image}`);
});

test("all matching credentials are returned, longest key first; Docker Hub's key is the fallback", async () => {
  const ring = keyring(
    { auths: { "q.io": entry("host"), "https://q.io/v1/team": entry("team"), "*.io": entry("any") } },
    { auths: { "q.io/team/app": entry("app"), "https://index.docker.io/v1/": entry("hub") } },
  );
  const names = async (image: string) =>
    (await found(ring, image)).map((one) => (one as { username: string }).username);
  assert.deepEqual(await names("q.io/team/app:1"), ["app", "team", "host", "any"]);
  assert.deepEqual(await names("q.io/other"), ["host", "any"]);
  // The pattern matches docker.io, which has two labels.
  assert.deepEqual(await names("busybox"), ["any"]);
  const hub = keyring({ auths: { "https://index.docker.io/v1/": entry("hub"), "q.io": entry("q") } });
  assert.deepEqual(await found(hub, "busybox"), [entry("hub")]);
  assert.deepEqual(await found(hub, "x.io/y"), []);
});

test("secrets in every form: content, text, .dockercfg, whole Secret; helpers and tokens are ignored", async () => {
  const config = {
    auths: { "q.io": { auth: base64("u:p"), username: "other", identitytoken: "t" } },
    credsStore: "x",
  };
  const flat = { "q.io": { auth: base64("u:p") } };
  const secrets = [
    config,
    JSON.stringify(config),
    flat,
    { kind: "Secret", data: { ".dockerconfigjson": base64(JSON.stringify(config)) } },
    { kind: "Secret", data: { ".dockercfg": base64(JSON.stringify(flat)) } },
    { kind: "Secret", stringData: { ".dockerconfigjson": JSON.stringify(config) } },
  ];
  for (const secret of secrets)
    assert.deepEqual(await found(keyring(secret), "q.io/x"), [{ username: "u", password: "p" }]);
});

test("the error for invalid secrets lists all problems and no value", () => {
  const error = thrown(() =>
    keyring({ auths: { "q.io": { auth: "hunter2hunter2" } } }, "{hunter2hunter2", {
      kind: "Secret",
      data: {},
    }),
  );
  assert.equal(error.reason, "invalid_file");
  assert.deepEqual(
    error.problems.map(({ path }) => path),
    ['secrets[0].auths["q.io"].auth', "secrets[1]", "secrets[2].data"],
  );
  assert.ok(!shown(error).includes("hunter2hunter2"));
  assert.ok(!shown(keyring({ auths: { "q.io": entry("u") } })).includes("pw-of-u"));
});

test("patterns match like regular expressions, in bounded time", () => {
  const characters = fc.constantFrom("a", "b", "*", "?");
  const texts = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 8 }).map((all) => all.join(""));
  fc.assert(
    fc.property(fc.array(characters, { maxLength: 6 }), texts, (pattern, text) => {
      const source = pattern.map((one) => (one === "*" ? ".*" : one === "?" ? "." : one)).join("");
      assert.equal(globMatches(pattern.join(""), text), new RegExp(`^${source}$`).test(text));
    }),
    { numRuns: 2_000 },
  );
  // A matcher that backtracks to every star would need exponential time.
  assert.equal(globMatches(`${"*a".repeat(60)}b`, "a".repeat(250)), false);
});
