import assert from "node:assert/strict";
import { tracingChannel } from "node:diagnostics_channel";
import { test } from "node:test";
import {
  type CredentialSource,
  connect,
  dockerAuth,
  keyring,
  type RegistryCredentials,
  type RpcDiagnostics,
} from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";
import { failure, scripted } from "../testing/embedded/support.js";
import { base64, helpers, images, login, privateApp, secret, shown, write } from "./support.js";

const none = { images, preload: [] };
const wrong = { username: "me", password: "wr0ng-one" };

test("all credentials are tried in turn until one works, each once; then none", async (t) => {
  const { runtime, cri } = await scripted(t, none);
  const since = () => runtime.calls.of("pullImage").map(({ request }) => request.auth?.password);
  await cri.images.pull(privateApp, {
    auth: [wrong, { ...wrong }, login, { username: "never", password: "asked" }],
  });
  assert.deepEqual(since(), [wrong.password, secret]);
  assert.equal(runtime.calls.of("pullImage")[0]?.request.auth?.serverAddress, "");
  // A public image is had in spite of credentials that are old.
  await cri.images.ensure("alpine:3", { auth: [] });
  assert.equal(runtime.calls.of("pullImage").at(-1)?.request.auth, undefined);

  const denied = await failure(cri.images.pull(privateApp, { auth: [wrong] }));
  assert.equal(denied.reason, "registry_denied");
  assert.match(denied.message, /The credentials were refused; a pull without any was refused, too/);
  assert.deepEqual(since().slice(-2), [wrong.password, undefined]);
  const nobody = await failure(cri.images.pull(privateApp));
  assert.match(nobody.message, /No credentials for this image were given/);

  await cri.images.pull("registry.example/team/token:1", { auth: { identityToken: "t0ken-of-mine" } });
  const { auth } = runtime.calls.of("pullImage").at(-1)?.request ?? {};
  assert.deepEqual([auth?.username, auth?.password, auth?.identityToken], ["", "", "t0ken-of-mine"]);
});

test("a registry that says not found to strangers: the answer to whom it knows counts", async (t) => {
  const { runtime, cri } = await scripted(t, none);
  runtime.faults.failNext("pullImage", { code: "unknown", text: "unauthorized: go away" });
  runtime.faults.failNext("pullImage", { code: "unknown", text: "manifest unknown" });
  runtime.faults.failNext("pullImage", { code: "unknown", text: "unauthorized: go away" });
  assert.equal(
    (await failure(cri.images.pull(privateApp, { auth: [wrong, login] }))).reason,
    "image_missing",
  );
  // What has nothing to do with credentials is not tried with others.
  runtime.faults.failNext("pullImage", { code: "unknown", text: "RegistryUnavailable: down" });
  assert.equal(
    (await failure(cri.images.pull(privateApp, { auth: [wrong, login] }))).reason,
    "registry_unavailable",
  );
  assert.equal(runtime.calls.of("pullImage").length, 4);
  // Only strangers are told "not found": the credentials are what is wrong.
  runtime.faults.failNext("pullImage", { code: "unknown", text: "401 Unauthorized" });
  runtime.faults.failNext("pullImage", { code: "not_found", text: "r/app:1: not found" });
  const expired = await failure(cri.images.pull(privateApp, { auth: wrong }));
  assert.equal(expired.reason, "registry_denied");
  assert.match(expired.message, /The credentials were refused; a pull without any found nothing/);
});

test("a source that failed is the reason only where no other one was let in", async (t) => {
  const { runtime, cri } = await scripted(t, none);
  const broken = dockerAuth("/none/config.json");
  const missing = { code: "not_found", text: "r/app:1: not found" } as const;
  runtime.faults.failNext("pullImage", missing, { times: 2 });
  const known = await failure(cri.images.pull(privateApp, { auth: [broken, login] }));
  assert.equal(known.reason, "image_missing");
  assert.match(known.hint ?? "", /could not be had: the auth file \/none\/config\.json/);
  runtime.faults.failNext("pullImage", missing);
  assert.equal(
    (await failure(cri.images.pull(privateApp, { auth: broken }))).reason,
    "credentials_failed",
    "to strangers it may be a refusal",
  );
});

test("credentials for a short name go only to the registry that they were looked up for", async (t) => {
  const { runtime, cri } = await scripted(t, none);
  await cri.images.pull("alpine:3", { auth: ({ domain }) => (domain === "docker.io" ? login : undefined) });
  await cri.images.pull("alpine:3", { auth: [] });
  assert.deepEqual(
    runtime.calls.of("pullImage").map(({ request }) => request.image?.image),
    ["docker.io/library/alpine:3", "alpine:3"],
  );
});

test("every kind of source, for one call and for the connection", async (t) => {
  const { runtime } = await scripted(t, none);
  const { folder, env } = await helpers(t, { ours: `echo '{"Username":"me","Secret":"${secret}"}'` });
  const file = await write(folder, "auth.json", {
    auths: { "registry.example": { auth: base64(`me:${secret}`) } },
  });
  const helped = await write(folder, "helped.json", { credsStore: "ours" });
  const own: CredentialSource = {
    name: "mine",
    find: ({ domain }) => (domain === "registry.example" ? [login] : []),
  };
  const sources = [
    login,
    own,
    () => login,
    async () => [wrong, login],
    dockerAuth(file),
    dockerAuth(helped, { env }),
    keyring({ auths: { "*.example/team": login } }),
    [() => undefined, keyring({}), login],
  ];
  for (const imageAuth of sources) {
    const cri = connect.through({ transport: runtime.transport, imageAuth });
    await cri.images.pull(privateApp);
    await failure(cri.images.pull(privateApp, { auth: [] }));
    await failure(connect.through(runtime).images.pull(privateApp));
    await connect.through(runtime).images.pull(privateApp, { auth: imageAuth });
  }
});

test("a source that fails is in nobody's way, and is told of when the pull fails for want of it", async (t) => {
  const { cri } = await scripted(t, none);
  const folder = await tempFolder(t);
  const broken = dockerAuth(await write(folder, "broken.json", `{ "auths": ${secret}`));
  await cri.images.pull("alpine:3", { auth: broken });
  await cri.images.pull(privateApp, { auth: [broken, login] });
  const error = await failure(cri.images.pull(privateApp, { auth: broken }));
  assert.deepEqual([error.code, error.reason], ["failed_precondition", "credentials_failed"]);
  assert.match(error.text, /broken\.json: is not JSON; and without them: /);
  assert.ok(!shown(error).includes(secret));
  const thrower = await failure(
    cri.images.pull(privateApp, {
      auth: () => {
        throw new Error("no vault");
      },
    }),
  );
  assert.equal(thrower.reason, "credentials_failed");
  assert.match(shown(thrower), /no vault/);
  const given = await failure(cri.images.pull(privateApp, { auth: () => ({ username: 5 }) as never }));
  assert.equal(given.reason, "credentials_failed");
});

test("a source is asked once for all who pull at the same time, and one that never answers holds nobody", async (t) => {
  const { runtime, cri } = await scripted(t, none);
  let asked = 0;
  const slow = async () => {
    asked++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return login;
  };
  await Promise.all(Array.from({ length: 5 }, () => cri.images.pull(privateApp, { auth: slow })));
  assert.deepEqual([asked, runtime.calls.of("pullImage").length], [1, 1]);
  await cri.images.pull(privateApp, { auth: slow });
  assert.equal(asked, 2, "what it said is not kept");
  const silent = () => new Promise<never>(() => undefined);
  const late = await failure(cri.images.pull(privateApp, { auth: silent, timeoutMs: 50 }));
  assert.equal(late.reason, "deadline");
});

test("credentials that cannot be any are an option that is wrong, shown to nobody", async (t) => {
  const { runtime, cri } = await scripted(t, none);
  const bad: unknown[] = [
    {},
    null,
    secret,
    { username: "u" },
    { username: "", password: secret },
    { username: "u", password: secret, identityToken: secret },
    { username: "u", password: `${secret}\ud800` },
    { password: secret },
    { identityToken: "" },
  ];
  for (const auth of bad)
    for (const given of [auth, [login, auth]]) {
      const error = await failure(cri.images.pull(privateApp, { auth: given as RegistryCredentials }));
      assert.equal(error.reason, "invalid_option");
      assert.ok(!shown(error).includes(secret));
    }
  assert.equal(runtime.calls.of("pullImage").length, 0);
});

test("a runtime that repeats the secret is not repeated: not in an error, not in what inspect shows", async (t) => {
  const { runtime, cri } = await scripted(t, none);
  const told: unknown[] = [];
  const channel = tracingChannel("cri-sdk:rpc");
  const onEnd = (message: unknown) => told.push((message as RpcDiagnostics).error);
  channel.asyncEnd.subscribe(onEnd);
  cleanup(t, () => channel.asyncEnd.unsubscribe(onEnd));
  const forms = [
    secret,
    encodeURIComponent(secret),
    // Go's url.PathEscape.
    "s3cret%2Fw&rd",
    base64(secret),
    base64(`me:${secret}`),
    JSON.stringify(secret).slice(1, -1),
  ];
  for (const form of forms) {
    runtime.faults.failNext("pullImage", {
      code: "unknown",
      text: `GET https://r/token?p=${form}: 401 Unauthorized`,
    });
    runtime.faults.failNext("pullImage", { code: "unknown", text: "again: 401 Unauthorized" });
    const error = await failure(cri.images.pull(privateApp, { auth: login }));
    assert.equal(error.reason, "registry_denied");
    assert.match(error.text, /GET https:\/\/r\/token\?p=\[redacted\]=*: 401 Unauthorized/);
    assert.ok(told.length > 0);
    for (const one of [error, ...told]) assert.ok(!shown(one).includes(form));
    runtime.faults.assertNoPendingFaults();
  }
  const sources = [keyring({ auths: { "r.example": login } }), dockerAuth("/none"), cri.images, cri];
  for (const source of sources) assert.ok(!shown(source).includes(secret));
});
