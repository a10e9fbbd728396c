import assert from "node:assert/strict";
import { tracingChannel } from "node:diagnostics_channel";
import { test } from "node:test";
import {
  type CredentialSource,
  connect,
  dockerAuth,
  keyring,
  type RegistryCredentials,
} from "../../src/index.js";
import type { RpcDiagnostics } from "../../src/observe.js";
import { cleanup } from "../support/cleanup.js";
import { scripted } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { tempFolder } from "../support/temp.js";
import { base64, helpers, images, login, privateApp, secret, shown, write } from "./support.js";

const empty = { images, preload: [] };
const wrong = { username: "me", password: "wr0ng-one" };

test("distinct credentials are tried in order until one works, then the pull is tried without any", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  const passwords = () => runtime.calls.of("pullImage").map(({ request }) => request.auth?.password);
  await cri.images.pull(privateApp, {
    auth: [wrong, { ...wrong }, login, { username: "never", password: "used" }],
  });
  assert.deepEqual(passwords(), [wrong.password, secret]);
  assert.equal(runtime.calls.of("pullImage")[0]?.request.auth?.serverAddress, "");
  // A public image needs no credentials.
  await cri.images.ensure("alpine:3", { auth: [] });
  assert.equal(runtime.calls.of("pullImage").at(-1)?.request.auth, undefined);

  const denied = await failure(cri.images.pull(privateApp, { auth: [wrong] }));
  assert.equal(denied.reason, "registry_denied");
  assert.match(
    denied.message,
    /Check the credentials: they were refused; a pull without credentials was refused, too/,
  );
  assert.deepEqual(passwords().slice(-2), [wrong.password, undefined]);
  const anonymous = await failure(cri.images.pull(privateApp));
  assert.match(anonymous.message, /no credentials match this image/);

  await cri.images.pull("registry.example/team/token:1", { auth: { identityToken: "t0ken-of-mine" } });
  const { auth } = runtime.calls.of("pullImage").at(-1)?.request ?? {};
  assert.deepEqual([auth?.username, auth?.password, auth?.identityToken], ["", "", "t0ken-of-mine"]);
});

test("CRI-O's refusals lead to the next credentials, in pull and ensure", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  const refusal = (why: string) => ({
    code: "unknown" as const,
    message: `initializing source docker://registry.example/team/app:1: reading manifest 1 in registry.example/team/app: ${why}`,
  });
  for (const method of ["pull", "ensure"] as const) {
    for (const why of ["authentication required", 'StatusCode: 403, "Forbidden"'])
      runtime.faults.failNext("pullImage", refusal(why));
    const image = await cri.images[method](privateApp, { auth: [wrong, { ...wrong, username: "x" }, login] });
    assert.ok(image.id);
    await cri.images.remove(privateApp);
  }
  assert.deepEqual(
    runtime.calls.of("pullImage").map(({ request }) => request.auth?.password),
    [wrong.password, wrong.password, secret, wrong.password, wrong.password, secret],
  );
  runtime.faults.failNext("pullImage", refusal("authentication required"), { times: 2 });
  const denied = await failure(cri.images.pull(privateApp, { auth: wrong }));
  assert.equal(denied.reason, "registry_denied");
});

test("a short name that the runtime does not resolve is not on the node, and cannot be pulled", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  const message =
    'short-name "none:latest" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"';
  runtime.faults.failNext("imageStatus", { code: "unknown", message }, { times: 3 });
  runtime.faults.failNext("pullImage", { code: "unknown", message });
  assert.equal(await cri.images.get("none"), undefined);
  assert.equal(await cri.images.remove("none"), undefined);
  const error = await failure(cri.images.ensure("none:1"));
  assert.deepEqual([error.reason, error.method], ["image_missing", "PullImage"]);
  assert.match(error.hint ?? "", /full name/);
});

test("'not found' with valid credentials outweighs a refusal of others", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  runtime.faults.failNext("pullImage", { code: "unknown", message: "unauthorized: go away" });
  runtime.faults.failNext("pullImage", { code: "unknown", message: "manifest unknown" });
  runtime.faults.failNext("pullImage", { code: "unknown", message: "unauthorized: go away" });
  assert.equal(
    (await failure(cri.images.pull(privateApp, { auth: [wrong, login] }))).reason,
    "image_missing",
  );
  // An error that does not depend on credentials ends the attempts.
  runtime.faults.failNext("pullImage", { code: "unknown", message: "RegistryUnavailable: down" });
  assert.equal(
    (await failure(cri.images.pull(privateApp, { auth: [wrong, login] }))).reason,
    "registry_unavailable",
  );
  assert.equal(runtime.calls.of("pullImage").length, 4);
  // "Not found" without credentials may mean a refusal, so the refused credentials are the cause.
  runtime.faults.failNext("pullImage", { code: "unknown", message: "401 Unauthorized" });
  runtime.faults.failNext("pullImage", { code: "not_found", message: "r/app:1: not found" });
  const expired = await failure(cri.images.pull(privateApp, { auth: wrong }));
  assert.equal(expired.reason, "registry_denied");
  assert.match(
    expired.message,
    /Check the credentials: they were refused; a pull without credentials did not find the image/,
  );
});

test("a failed source is the reason only if no other credentials were accepted", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  const broken = dockerAuth("/none/config.json");
  const missing = { code: "not_found", message: "r/app:1: not found" } as const;
  runtime.faults.failNext("pullImage", missing, { times: 2 });
  const known = await failure(cri.images.pull(privateApp, { auth: [broken, login] }));
  assert.equal(known.reason, "image_missing");
  assert.match(known.hint ?? "", /Check the failed credential source: auth file \/none\/config\.json/);
  runtime.faults.failNext("pullImage", missing);
  assert.equal(
    (await failure(cri.images.pull(privateApp, { auth: broken }))).reason,
    "credentials_failed",
    "without credentials, not found may be a refusal",
  );
});

test("credentials for a short name are sent only with the full name", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  await cri.images.pull("alpine:3", { auth: ({ domain }) => (domain === "docker.io" ? login : undefined) });
  await cri.images.pull("alpine:3", { auth: [] });
  assert.deepEqual(
    runtime.calls.of("pullImage").map(({ request }) => request.image?.image),
    ["docker.io/library/alpine:3", "alpine:3"],
  );
});

test("every kind of source works per call and per connection", async (t) => {
  const { runtime } = await scripted(t, empty);
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

test("a failed source does not affect other sources, and is reported when the pull fails without it", async (t) => {
  const { cri } = await scripted(t, empty);
  const folder = await tempFolder(t);
  const broken = dockerAuth(await write(folder, "broken.json", `{ "auths": ${secret}`));
  await cri.images.pull("alpine:3", { auth: broken });
  await cri.images.pull(privateApp, { auth: [broken, login] });
  const error = await failure(cri.images.pull(privateApp, { auth: broken }));
  assert.deepEqual([error.code, error.reason], ["failed_precondition", "credentials_failed"]);
  assert.match(
    error.rawMessage,
    /broken\.json: is not valid JSON; the pull without these credentials failed: /,
  );
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
  const badResult = await failure(cri.images.pull(privateApp, { auth: () => ({ username: 5 }) as never }));
  assert.equal(badResult.reason, "credentials_failed");
});

test("concurrent pulls share one look-up, and a source that never responds does not block a deadline", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  let calls = 0;
  const slow = async () => {
    calls++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return login;
  };
  await Promise.all(Array.from({ length: 5 }, () => cri.images.pull(privateApp, { auth: slow })));
  assert.deepEqual([calls, runtime.calls.of("pullImage").length], [1, 1]);
  await cri.images.pull(privateApp, { auth: slow });
  assert.equal(calls, 2, "the result is not cached");
  const silent = () => new Promise<never>(() => undefined);
  const late = await failure(cri.images.pull(privateApp, { auth: silent, timeoutMs: 50 }));
  assert.equal(late.reason, "deadline");
});

test("invalid credentials are an invalid option, and no error shows them", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  const invalid: unknown[] = [
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
  for (const auth of invalid)
    for (const option of [auth, [login, auth]]) {
      const error = await failure(cri.images.pull(privateApp, { auth: option as RegistryCredentials }));
      assert.equal(error.reason, "invalid_option");
      assert.ok(!shown(error).includes(secret));
    }
  assert.equal(runtime.calls.of("pullImage").length, 0);
});

test("a secret that the runtime repeats is redacted from errors, diagnostics and inspect", async (t) => {
  const { runtime, cri } = await scripted(t, empty);
  const errors: unknown[] = [];
  const channel = tracingChannel("cri-sdk:rpc");
  const onEnd = (message: unknown) => errors.push((message as RpcDiagnostics).error);
  channel.asyncEnd.subscribe(onEnd);
  cleanup(t, () => channel.asyncEnd.unsubscribe(onEnd));
  const forms = [
    secret,
    encodeURIComponent(secret),
    // Escaped by Go's url.PathEscape.
    "s3cret%2Fw&rd",
    base64(secret),
    base64(`me:${secret}`),
    JSON.stringify(secret).slice(1, -1),
  ];
  for (const form of forms) {
    runtime.faults.failNext("pullImage", {
      code: "unknown",
      message: `GET https://r/token?p=${form}: 401 Unauthorized`,
    });
    runtime.faults.failNext("pullImage", { code: "unknown", message: "again: 401 Unauthorized" });
    const error = await failure(cri.images.pull(privateApp, { auth: login }));
    assert.equal(error.reason, "registry_denied");
    assert.match(error.rawMessage, /GET https:\/\/r\/token\?p=\[redacted\]=*: 401 Unauthorized/);
    assert.ok(errors.length > 0);
    for (const one of [error, ...errors]) assert.ok(!shown(one).includes(form));
    runtime.faults.assertNoPendingFaults();
  }
  const sources = [keyring({ auths: { "r.example": login } }), dockerAuth("/none"), cri.images, cri];
  for (const source of sources) assert.ok(!shown(source).includes(secret));
});
