// The kubelet's credential provider plug-ins: programs that return credentials.
import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseReference } from "../../../src/index.js";
import {
  type CredentialPlugin,
  type CredentialPluginsOptions,
  credentialPlugins,
} from "../../../src/kubernetes/images/credential-plugins.js";
import { durationText, parseDuration } from "../../../src/kubernetes/messages.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const apiVersion = "credentialprovider.kubelet.k8s.io/v1";
const answer = (fields: object) => ({ apiVersion, kind: "CredentialProviderResponse", ...fields });
const me = { auth: { "registry.example": { username: "me", password: "secret" } } };

/** A plug-in that notes its requests, arguments and a variable, and prints what the test wrote to a file. */
async function plugin(
  t: TestContext,
  more: Partial<CredentialPlugin> = {},
  options: Partial<CredentialPluginsOptions> = {},
) {
  const binDir = await tempFolder(t);
  const path = join(binDir, "provider");
  const script = [
    "#!/bin/sh",
    `cat >> ${binDir}/requests; printf ' %s %s\\n' "$*" "$WHO" >> ${binDir}/requests`,
    `cat ${binDir}/response`,
  ];
  await writeFile(path, script.join("\n"));
  await chmod(path, 0o755);
  const clock = new VirtualClock();
  const provider: CredentialPlugin = {
    name: "provider",
    matchImages: ["*.example", "registry.test:5000/team"],
    defaultCacheDuration: "10m",
    apiVersion,
    ...more,
  };
  const source = credentialPlugins({ binDir, providers: [provider], clock, ...options });
  const respond = (response: unknown) =>
    writeFile(join(binDir, "response"), typeof response === "string" ? response : JSON.stringify(response));
  const find = (image: string, signal = new AbortController().signal) =>
    Promise.resolve(source.find(parseReference(image), { signal }));
  const users = async (image: string) => (await find(image)).map(({ username }) => username);
  const requests = async () => {
    const text = await readFile(join(binDir, "requests"), "utf8").catch(() => "");
    await writeFile(join(binDir, "requests"), "");
    return text.split("\n").filter((line) => line !== "");
  };
  return { binDir, clock, respond, find, users, requests };
}

test("a plug-in is asked for images that match, with its arguments and variables", async (t) => {
  const { respond, users, requests } = await plugin(t, {
    args: ["get", "--all"],
    env: [{ name: "WHO", value: "test" }],
  });
  await respond(answer({ cacheKeyType: "Image", ...me }));
  assert.deepEqual(await users("registry.example/team/app:1"), ["me"]);
  const request = { apiVersion, kind: "CredentialProviderRequest", image: "registry.example/team/app" };
  assert.deepEqual(await requests(), [`${JSON.stringify(request)} get --all test`]);
  assert.deepEqual(await users("busybox"), []);
  assert.deepEqual(await users("registry.test/team/app"), []);
  assert.deepEqual(await requests(), []);
  // The keys of a response match as those of pull secrets do.
  await respond(
    answer({
      cacheKeyType: "Image",
      auth: {
        "*.test:5000": { username: "glob", password: "p" },
        "registry.test:5000/team": { username: "team", password: "p" },
        "other.test:5000": { username: "no", password: "p" },
      },
    }),
  );
  assert.deepEqual(await users("registry.test:5000/team/app"), ["team", "glob"]);
});

test("responses are cached for an image, a registry or all, for their own duration or the default", async (t) => {
  const { respond, users, requests, clock } = await plugin(t);
  const ask = async (...images: readonly string[]) => {
    for (const image of images) assert.deepEqual(await users(image), ["me"]);
    return (await requests()).length;
  };
  const [a, b, other] = ["registry.example/a:1", "registry.example/b:1", "other.example/a"] as const;
  const everywhere = { auth: { "*.example": { username: "me", password: "p" } } };
  await respond(answer({ cacheKeyType: "Image", ...everywhere }));
  assert.equal(await ask(a, a, "registry.example/a:2", b), 2);
  await clock.advance(600_000);
  await respond(answer({ cacheKeyType: "Registry", cacheDuration: "1m30s", ...everywhere }));
  assert.equal(await ask(a, b, other, b), 2);
  await clock.advance(89_000);
  assert.equal(await ask(a, other), 0);
  await clock.advance(1_000);
  await respond(answer({ cacheKeyType: "Global", cacheDuration: "1h", ...everywhere }));
  assert.equal(await ask(a, b, other), 1);
  await clock.advance(3_600_000);
  await respond(answer({ cacheKeyType: "Global", cacheDuration: "0s", ...everywhere }));
  assert.equal(await ask(a, a), 2);
});

test("a response without credentials means none", async (t) => {
  const { respond, users } = await plugin(t);
  for (const auth of [{}, null, undefined]) {
    await respond(answer({ cacheKeyType: "Image", cacheDuration: "0s", auth }));
    assert.deepEqual(await users("registry.example/app"), []);
  }
});

test("a plug-in that fails is an error that names it, without its output", async (t) => {
  const { respond, find, binDir } = await plugin(t, {}, { timeoutMs: 5_000 });
  const secret = "s3cret";
  const auth = { "registry.example": { username: "me", password: secret } };
  const cases = [
    ["{", /did not print a CredentialProviderResponse/],
    [
      { ...answer({ cacheKeyType: "Image", auth }), apiVersion: "v2" },
      /did not print a CredentialProviderResponse of/,
    ],
    [
      { ...answer({ cacheKeyType: "Image", auth }), kind: "Pod" },
      /did not print a CredentialProviderResponse/,
    ],
    [answer({ auth }), /cacheKeyType is not Image, Registry or Global/],
    [answer({ cacheKeyType: "Image", cacheDuration: "soon", auth }), /cacheDuration is not a duration/],
    [answer({ cacheKeyType: "Image", auth: [secret] }), /auth is not an object/],
    [answer({ cacheKeyType: "Image", auth: { a: { username: 1, password: secret } } }), /not valid/],
  ] as const;
  for (const [response, text] of cases) {
    await respond(response);
    const error = await failure(find("registry.example/app"));
    assert.equal(error.reason, "credentials_failed");
    assert.match(error.message, text);
    assert.match(error.message, /credential plug-in .*\/provider: /);
    assert.ok(!error.message.includes(secret));
  }
  await writeFile(join(binDir, "provider"), "#!/bin/sh\nexit 3\n");
  assert.match((await failure(find("registry.example/app"))).message, /exited with code 3/);
  await writeFile(join(binDir, "provider"), "#!/bin/sh\nsleep 60\n");
  const stop = new AbortController();
  const begun = performance.now();
  setTimeout(() => stop.abort(), 100);
  await assert.rejects(find("registry.example/app", stop.signal));
  assert.ok(performance.now() - begun < 4_000);
});

test("a plug-in that takes too long is ended; others still count", async (t) => {
  const binDir = await tempFolder(t);
  const script = async (name: string, lines: string) => {
    await writeFile(join(binDir, name), `#!/bin/sh\n${lines}\n`);
    await chmod(join(binDir, name), 0o755);
  };
  await script("slow", "sleep 60");
  await script("good", `echo '${JSON.stringify(answer({ cacheKeyType: "Image", ...me }))}'`);
  const provider = (name: string) =>
    ({ name, matchImages: ["*.example"], defaultCacheDuration: "0s", apiVersion }) as const;
  const find = (...names: string[]) =>
    credentialPlugins({ binDir, providers: names.map(provider), timeoutMs: 300 }).find(
      parseReference("registry.example/app"),
      { signal: new AbortController().signal },
    );
  assert.equal((await find("slow", "good")).length, 1);
  assert.match((await failure(Promise.resolve(find("slow")))).message, /slow: did not respond within 300 ms/);
});

test("options are checked, and tokens of service accounts are refused", () => {
  const good = { name: "a", matchImages: ["x"], defaultCacheDuration: "0", apiVersion } as const;
  const create = (provider: object) =>
    credentialPlugins({ binDir: "/", providers: [{ ...good, ...provider }] });
  create({});
  for (const [wrong, text] of [
    [{ name: "../a" }, /providers\[0\]\.name must be the name of a file/],
    [{ matchImages: [] }, /providers\[0\]\.matchImages must be a list/],
    [{ defaultCacheDuration: "-1s" }, /providers\[0\]\.defaultCacheDuration must be a duration/],
    [{ apiVersion: "credentialprovider.kubelet.k8s.io/v1beta1" }, /providers\[0\]\.apiVersion must be/],
    [{ tokenAttributes: {} }, /providers\[0\]\.tokenAttributes is not an option/],
    [{ env: [{ name: "A" }] }, /providers\[0\]\.env\[0\]\.value is required/],
  ] as const)
    assert.throws(() => create(wrong), text);
});

test("durations are read and written as Go does", () => {
  for (const [text, ms] of [
    ["0", 0],
    ["0s", 0],
    ["10m", 600_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1_500],
    [".5s", 500],
    ["12h0m0s", 43_200_000],
    ["100us", 0.1],
    ["", undefined],
    ["10", undefined],
    ["-1s", undefined],
    ["1 s", undefined],
    ["1d", undefined],
    [5, undefined],
  ] as const)
    assert.equal(parseDuration(text), ms, String(text));
  for (const [ms, text] of [
    [0, "0s"],
    [0.4, "0s"],
    [850, "850ms"],
    [1_000, "1s"],
    [12_034, "12.034s"],
    [62_500, "1m2.5s"],
    [3_600_000, "1h0m0s"],
  ] as const)
    assert.equal(durationText(ms), text);
});
