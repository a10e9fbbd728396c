import assert from "node:assert/strict";
import { test } from "node:test";
import type { PullProgress } from "../../src/index.js";
import { scripted } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { assertNoListeners } from "../support/leaks.js";
import { until } from "../support/waiting.js";
import { base64, httpRegistry, images, login, secret, shown, slowApp } from "./support.js";

const manifest = { config: { size: 100 }, layers: [{ size: 1_000 }, { size: 2_900 }] };
const index = {
  manifests: ["s390x", "amd64", "arm64"].map((architecture) => ({
    digest: `sha256:${architecture}`,
    platform: { os: "linux", architecture },
  })),
};

/** Options of an embedded runtime with an image of this registry, which the runtime does not contact. */
const withImage = (domain: string, pullMs: number) => ({
  images: [...images, { names: [`${domain}/app:1`], auth: login, pullMs, sizeBytes: 9_000 }],
  preload: [],
});

test("the total is from the registry's manifest, the growth from the file systems", async (t) => {
  const basic = `Basic ${base64(`me:${secret}`)}`;
  const registry = await httpRegistry(t, ({ url, headers }) => {
    if (headers.authorization !== basic)
      return { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } };
    assert.match(headers.accept ?? "", /oci\.image\.index/);
    return { status: 200, json: url?.endsWith("/1") ? index : manifest };
  });
  const { cri } = await scripted(t, withImage(registry.domain, 4_000));
  const reports: PullProgress[] = [];
  const pulling = cri.images.ensure(`${registry.domain}/app:1`, {
    auth: login,
    onProgress: (progress) => void reports.push(progress),
    progressIntervalMs: 20,
  });
  await until(() => reports.some(({ totalBytes }) => totalBytes !== undefined), "the total size");
  // Another pull makes the file system grow while the first one is in flight.
  await cri.image.pullImage({ image: { image: "docker.io/library/alpine:3" } });
  await until(() => reports.some(({ grownBytes }) => grownBytes > 0), "growth");
  const { id } = await pulling;
  const last = reports.at(-1);
  assert.ok(id);
  assert.ok(reports.every(({ estimated }) => estimated === true));
  assert.equal(reports[0]?.totalBytes, undefined, "the first report does not wait for the registry");
  assert.deepEqual([last?.totalBytes, last?.layers, last?.fraction, last?.done], [4_000, 2, 1, true]);
  const grown = reports.find(({ grownBytes, done }) => grownBytes > 0 && !done);
  assert.deepEqual(
    [grown?.grownBytes, grown?.fraction],
    [5_000, 0.99],
    "the fraction stays below 1 until the end",
  );
  assert.equal(reports.filter(({ done }) => done).length, 1);
  assert.ok(registry.requests.some((line) => line.startsWith("GET /v2/app/manifests/sha256:")));
  assert.ok(!shown(reports).includes(secret));
});

test("a token server receives the credentials and the scope, unless its scheme is less secure than the registry's", async (t) => {
  let realm = "";
  const registry = await httpRegistry(t, ({ url, headers }) => {
    if (url?.startsWith("/token")) return { status: 200, json: { token: "t" } };
    if (headers.authorization === "Bearer t") return { status: 200, json: manifest };
    const scope = 'scope="repository:app:pull"';
    return { status: 401, headers: { "www-authenticate": `Bearer realm="${realm}",service="s",${scope}` } };
  });
  const { cri } = await scripted(t, withImage(registry.domain, 3_000));
  const total = async () => {
    let seen: number | undefined;
    await cri.images.pull(`${registry.domain}/app:1`, {
      auth: login,
      progressIntervalMs: 20,
      onProgress: ({ totalBytes }) => {
        seen = totalBytes;
      },
    });
    await cri.images.remove(`${registry.domain}/app:1`);
    return seen;
  };
  realm = `http://${registry.domain}/token`;
  assert.equal(await total(), 4_000);
  const tokenRequest = registry.requests.find((line) => line.startsWith("GET /token"));
  assert.equal(
    tokenRequest,
    `GET /token?service=s&scope=repository%3Aapp%3Apull Basic ${base64(`me:${secret}`)}`,
  );
  realm = "ftp://other.example/token";
  assert.equal(await total(), undefined);
});

test("an identity token does not follow a redirect", async (t) => {
  const attacker = await httpRegistry(t, () => ({ status: 200, json: { token: "t" } }));
  const registry = await httpRegistry(t, ({ url }) => {
    if (url?.startsWith("/token"))
      return { status: 307, headers: { location: `http://${attacker.domain}/steal` } };
    const challenge = `Bearer realm="http://${registry.domain}/token",service="s"`;
    return { status: 401, headers: { "www-authenticate": challenge } };
  });
  const name = `${registry.domain}/app:1`;
  const { cri } = await scripted(t, { images: [{ names: [name], pullMs: 1_500 }], preload: [] });
  await cri.images.pull(name, { auth: { identityToken: "r3fresh" }, onProgress: () => undefined });
  assert.ok(registry.requests.some((line) => line.startsWith("POST /token")));
  assert.deepEqual(attacker.requests, []);
});

test("the password follows a challenge of the registry only, not one of a redirect's target", async (t) => {
  const basic = `Basic ${base64(`me:${secret}`)}`;
  const identity = { identityToken: "r3fresh-token" };
  for (const auth of [login, identity]) {
    const attacker = await httpRegistry(t, ({ url, headers }) =>
      url?.startsWith("/token")
        ? { status: 200, json: { token: "t" } }
        : {
            status: 401,
            headers: { "www-authenticate": `Bearer realm="http://${headers.host}/token",service="s"` },
          },
    );
    const registry = await httpRegistry(t, () => ({
      status: 307,
      headers: { location: `http://${attacker.domain}/v2/app/manifests/1` },
    }));
    const name = `${registry.domain}/app:1`;
    const { cri } = await scripted(t, { images: [{ names: [name], pullMs: 1_500 }], preload: [] });
    await cri.images.pull(name, { auth, onProgress: () => undefined });
    assert.ok(attacker.requests.includes("GET /v2/app/manifests/1"), "the redirect was followed");
    assert.deepEqual(
      attacker.requests.filter((line) => line.includes("/token")),
      [],
    );
  }

  // A token server on another host is the registry's choice; where that one redirects, the password does not follow.
  const second = await httpRegistry(t, () => ({ status: 200, json: { token: "t" } }));
  const tokens = await httpRegistry(t, () => ({
    status: 307,
    headers: { location: `http://${second.domain}/steal` },
  }));
  const registry = await httpRegistry(t, ({ headers }) =>
    headers.authorization === "Bearer t"
      ? { status: 200, json: manifest }
      : { status: 401, headers: { "www-authenticate": `Bearer realm="http://${tokens.domain}/token"` } },
  );
  const { cri } = await scripted(t, withImage(registry.domain, 1_500));
  await cri.images.pull(`${registry.domain}/app:1`, { auth: login, onProgress: () => undefined });
  assert.ok(tokens.requests.some((line) => line.endsWith(basic)));
  assert.deepEqual(second.requests, ["GET /steal"]);
});

test("a redirect within the registry keeps its challenge", async (t) => {
  const registry = await httpRegistry(t, ({ url, headers }) => {
    if (url?.startsWith("/token")) return { status: 200, json: { token: "t" } };
    if (url?.startsWith("/v2/app")) return { status: 307, headers: { location: "/moved/1" } };
    if (headers.authorization === "Bearer t") return { status: 200, json: manifest };
    return {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="http://${headers.host}/token"` },
    };
  });
  const { cri } = await scripted(t, withImage(registry.domain, 3_000));
  const totals: unknown[] = [];
  await cri.images.pull(`${registry.domain}/app:1`, {
    auth: login,
    onProgress: ({ totalBytes }) => void totals.push(totalBytes),
  });
  assert.equal(totals.at(-1), 4_000);
});

test("a registry that is unreachable or sends invalid manifests does not fail the pull", async (t) => {
  const responses: unknown[] = [
    {},
    [],
    { layers: [{ size: "x" }] },
    { layers: [null] },
    { manifests: [{}] },
    { layers: 5 },
  ];
  const registry = await httpRegistry(t, () => ({ status: 200, json: responses.shift() }));
  for (const domain of [...responses.map(() => registry.domain), "localhost:1"]) {
    const { cri } = await scripted(t, withImage(domain, 400));
    const reports: PullProgress[] = [];
    await cri.images.pull(`${domain}/app:1`, { auth: login, onProgress: (one) => void reports.push(one) });
    assert.deepEqual([reports.at(-1)?.totalBytes, reports.at(-1)?.done], [undefined, true]);
  }
  assert.deepEqual(responses, []);
});

test("without onProgress and stalledMs, neither the registry nor ImageFsInfo is called", async (t) => {
  const registry = await httpRegistry(t, () => ({ status: 404 }));
  const { runtime, cri } = await scripted(t, withImage(registry.domain, 50));
  await cri.images.pull(`${registry.domain}/app:1`, { auth: login });
  assert.deepEqual(registry.requests, []);
  assert.equal(runtime.calls.of("imageFsInfo").length, 0);
});

test("a stalled pull fails with pull_stalled and is canceled", async (t) => {
  const { runtime, cri } = await scripted(t, { images, preload: [] });
  const stop = new AbortController();
  const error = await failure(cri.images.ensure(slowApp, { stalledMs: 100, signal: stop.signal }));
  assert.deepEqual([error.code, error.reason], ["deadline_exceeded", "pull_stalled"]);
  assert.match(error.rawMessage, /pull of docker\.io\/library\/slow:1: .* did not grow for 100 ms/);
  const [pull] = runtime.calls.of("pullImage");
  await until(() => pull?.error !== undefined, "the cancellation of the pull");
  assertNoListeners(stop.signal);
});

test("onStalled replaces the failure; growth ends a stall; without usage data no stall is reported", async (t) => {
  const { runtime, cri } = await scripted(t, { images, preload: [] });
  const stop = new AbortController();
  const stalls: PullProgress[] = [];
  const pulling = failure(
    cri.images.ensure(slowApp, {
      stalledMs: 60,
      progressIntervalMs: 10,
      onStalled: (progress) => void stalls.push(progress),
      signal: stop.signal,
    }),
  );
  await until(() => stalls.length === 2, "two stalls");
  assert.ok(stalls.every(({ quietMs, done }) => quietMs >= 60 && !done));
  await cri.image.pullImage({ image: { image: "docker.io/library/alpine:3" } });
  await until(() => stalls.length === 4, "two more stalls");
  assert.equal(stalls.at(-1)?.grownBytes, 5_000);
  stop.abort();
  assert.equal((await pulling).reason, "aborted_by_caller");

  runtime.faults.failNext(
    "imageFsInfo",
    { code: "unimplemented", message: "not supported" },
    { times: 1_000 },
  );
  const unmeasured = await failure(cri.images.ensure(slowApp, { stalledMs: 20, timeoutMs: 300 }));
  assert.equal(unmeasured.reason, "deadline");
  runtime.faults.clear();
});

test("growth is detected even if more space is freed concurrently", async (t) => {
  const { runtime, cri } = await scripted(t, {
    images: [{ names: ["r.example/a:1"], pullMs: 3_000 }],
    preload: [],
  });
  let calls = 0;
  runtime.faults.corrupt(
    "imageFsInfo",
    () => {
      const value = calls++ === 0 ? 10_000n : 5_000n + BigInt(calls);
      return { imageFilesystems: [{ usedBytes: { value } }] };
    },
    { times: Number.POSITIVE_INFINITY },
  );
  let grown = 0;
  await cri.images.pull("r.example/a:1", {
    stalledMs: 1_500,
    progressIntervalMs: 10,
    onProgress: ({ grownBytes }) => {
      grown = grownBytes;
    },
  });
  assert.ok(calls > 2);
  assert.equal(grown, calls - 2, "one byte for each call but the first two, of which the second shrinks");
  runtime.faults.clear();
});

test("a rejected async callback ends its own call, not the process", async (t) => {
  const { cri } = await scripted(t, { images, preload: [] });
  const thrown = new Error("later");
  const error = await failure(
    cri.images.pull(slowApp, {
      onProgress: async () => {
        throw thrown;
      },
    }),
  );
  assert.equal(error.cause, thrown);
});

test("a callback that throws ends its own call and no other", async (t) => {
  const { runtime, cri } = await scripted(t, {
    images: [{ names: ["r.example/a:1"], pullMs: 200 }],
    preload: [],
  });
  const thrown = new Error("callback failed");
  const [one, other] = await Promise.allSettled([
    cri.images.pull("r.example/a:1", {
      onProgress: () => {
        throw thrown;
      },
    }),
    cri.images.pull("r.example/a:1"),
  ]);
  assert.equal(one.status === "rejected" && one.reason.cause, thrown);
  assert.equal(one.status === "rejected" && one.reason.reason, "aborted_by_caller");
  assert.equal(other.status, "fulfilled");
  assert.equal(runtime.calls.of("pullImage").length, 1);
});

test("invalid progress options are refused", async (t) => {
  const { cri } = await scripted(t, { images, preload: [] });
  for (const options of [{ stalledMs: -1 }, { stalledMs: Number.NaN }, { progressIntervalMs: 0 }])
    assert.equal((await failure(cri.images.pull(slowApp, options))).reason, "invalid_option");
});
