import assert from "node:assert/strict";
import { test } from "node:test";
import type { PullProgress } from "../../src/index.js";
import { assertNoListeners } from "../support/leaks.js";
import { until } from "../support/waiting.js";
import { failure, scripted } from "../testing/embedded/support.js";
import { base64, httpRegistry, images, login, secret, shown, slowApp } from "./support.js";

const manifest = { config: { size: 100 }, layers: [{ size: 1_000 }, { size: 2_900 }] };
const index = {
  manifests: ["s390x", "amd64", "arm64"].map((architecture) => ({
    digest: `sha256:${architecture}`,
    platform: { os: "linux", architecture },
  })),
};

/** The names of a registry's image in the embedded runtime, which pulls it from nowhere. */
const at = (domain: string, pullMs: number) => ({
  images: [...images, { names: [`${domain}/app:1`], auth: login, pullMs, sizeBytes: 9_000 }],
  preload: [],
});

test("the registry's manifest tells the total, the file systems the growth; all of it an estimate", async (t) => {
  const basic = `Basic ${base64(`me:${secret}`)}`;
  const registry = await httpRegistry(t, ({ url, headers }) => {
    if (headers.authorization !== basic)
      return { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } };
    assert.match(headers.accept ?? "", /oci\.image\.index/);
    return { status: 200, json: url?.endsWith("/1") ? index : manifest };
  });
  const { cri } = await scripted(t, at(registry.domain, 1_500));
  const reports: PullProgress[] = [];
  const pulling = cri.images.ensure(`${registry.domain}/app:1`, {
    auth: login,
    onProgress: (progress) => void reports.push(progress),
    progressIntervalMs: 20,
  });
  await until(() => reports.some(({ totalBytes }) => totalBytes !== undefined), "the total is known");
  // Something that makes the file system grow while the pull is under way.
  await cri.image.pullImage({ image: { image: "docker.io/library/alpine:3" } });
  await until(() => reports.some(({ grownBytes }) => grownBytes > 0), "growth is seen");
  const { id } = await pulling;
  const last = reports.at(-1);
  assert.ok(id);
  assert.ok(reports.every(({ estimated }) => estimated === true));
  assert.equal(reports[0]?.totalBytes, undefined, "the first report waits for nobody");
  assert.deepEqual([last?.totalBytes, last?.layers, last?.fraction, last?.done], [4_000, 2, 1, true]);
  const grown = reports.find(({ grownBytes, done }) => grownBytes > 0 && !done);
  assert.deepEqual([grown?.grownBytes, grown?.fraction], [5_000, 0.99], "more than the total is not yet all");
  assert.equal(reports.filter(({ done }) => done).length, 1);
  assert.ok(registry.requests.some((line) => line.startsWith("GET /v2/app/manifests/sha256:")));
  assert.ok(!shown(reports).includes(secret));
});

test("a token server: with the credentials, for the scope, and not where it is less safe than the registry", async (t) => {
  let realm = "";
  const registry = await httpRegistry(t, ({ url, headers }) => {
    if (url?.startsWith("/token")) return { status: 200, json: { token: "t" } };
    if (headers.authorization === "Bearer t") return { status: 200, json: manifest };
    const scope = 'scope="repository:app:pull"';
    return { status: 401, headers: { "www-authenticate": `Bearer realm="${realm}",service="s",${scope}` } };
  });
  const { cri } = await scripted(t, at(registry.domain, 400));
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
  const asked = registry.requests.find((line) => line.startsWith("GET /token"));
  assert.equal(asked, `GET /token?service=s&scope=repository%3Aapp%3Apull Basic ${base64(`me:${secret}`)}`);
  realm = "ftp://elsewhere/token";
  assert.equal(await total(), undefined);
});

test("an identity token follows no redirect", async (t) => {
  const thief = await httpRegistry(t, () => ({ status: 200, json: { token: "t" } }));
  const registry = await httpRegistry(t, ({ url }) => {
    if (url?.startsWith("/token"))
      return { status: 307, headers: { location: `http://${thief.domain}/steal` } };
    const challenge = `Bearer realm="http://${registry.domain}/token",service="s"`;
    return { status: 401, headers: { "www-authenticate": challenge } };
  });
  const name = `${registry.domain}/app:1`;
  const { cri } = await scripted(t, { images: [{ names: [name], pullMs: 300 }], preload: [] });
  await cri.images.pull(name, { auth: { identityToken: "r3fresh" }, onProgress: () => undefined });
  assert.ok(registry.requests.some((line) => line.startsWith("POST /token")));
  assert.deepEqual(thief.requests, []);
});

test("a registry that cannot be asked, or answers nonsense, is no reason to fail", async (t) => {
  const answers: unknown[] = [
    {},
    [],
    { layers: [{ size: "x" }] },
    { layers: [null] },
    { manifests: [{}] },
    { layers: 5 },
  ];
  const registry = await httpRegistry(t, () => ({ status: 200, json: answers.shift() }));
  for (const domain of [...answers.map(() => registry.domain), "localhost:1"]) {
    const { cri } = await scripted(t, at(domain, 60));
    const reports: PullProgress[] = [];
    await cri.images.pull(`${domain}/app:1`, { auth: login, onProgress: (one) => void reports.push(one) });
    assert.deepEqual([reports.at(-1)?.totalBytes, reports.at(-1)?.done], [undefined, true]);
  }
  assert.deepEqual(answers, []);
});

test("nobody asks the registry, nor the file systems, for a pull that nobody watches", async (t) => {
  const registry = await httpRegistry(t, () => ({ status: 404 }));
  const { runtime, cri } = await scripted(t, at(registry.domain, 50));
  await cri.images.pull(`${registry.domain}/app:1`, { auth: login });
  assert.deepEqual(registry.requests, []);
  assert.equal(runtime.calls.of("imageFsInfo").length, 0);
});

test("a stall: the pull fails with pull_stalled, and the runtime hears of it", async (t) => {
  const { runtime, cri } = await scripted(t, { images, preload: [] });
  const stop = new AbortController();
  const error = await failure(cri.images.ensure(slowApp, { stalledMs: 100, signal: stop.signal }));
  assert.deepEqual([error.code, error.reason], ["deadline_exceeded", "pull_stalled"]);
  assert.match(error.text, /no growth .* 100 ms while docker\.io\/library\/slow:1/);
  const [pull] = runtime.calls.of("pullImage");
  await until(() => pull?.error !== undefined, "the pull ended");
  assertNoListeners(stop.signal);
});

test("a stall that is only told of; growth ends it; and where nothing can be seen there is none", async (t) => {
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
  await until(() => stalls.length === 2, "it was told twice");
  assert.ok(stalls.every(({ quietMs, done }) => quietMs >= 60 && !done));
  await cri.image.pullImage({ image: { image: "docker.io/library/alpine:3" } });
  await until(() => stalls.length === 4, "it is told again");
  assert.equal(stalls.at(-1)?.grownBytes, 5_000);
  stop.abort();
  assert.equal((await pulling).reason, "aborted_by_caller");

  runtime.faults.failNext("imageFsInfo", { code: "unimplemented", text: "none here" }, { times: 1_000 });
  const blind = await failure(cri.images.ensure(slowApp, { stalledMs: 20, timeoutMs: 300 }));
  assert.equal(blind.reason, "deadline");
  runtime.faults.clear();
});

test("growth is seen also while somebody else frees more", async (t) => {
  const { runtime, cri } = await scripted(t, {
    images: [{ names: ["r.example/a:1"], pullMs: 500 }],
    preload: [],
  });
  let looks = 0;
  runtime.faults.corrupt(
    "imageFsInfo",
    () => {
      const value = looks++ === 0 ? 10_000n : 5_000n + BigInt(looks);
      return { imageFilesystems: [{ usedBytes: { value } }] };
    },
    { times: Number.POSITIVE_INFINITY },
  );
  let grown = 0;
  await cri.images.pull("r.example/a:1", {
    stalledMs: 250,
    progressIntervalMs: 10,
    onProgress: ({ grownBytes }) => {
      grown = grownBytes;
    },
  });
  assert.ok(looks > 2);
  assert.equal(grown, looks - 2, "each step but the first two, which begin and shrink");
  runtime.faults.clear();
});

test("an async callback that fails ends its own call, and not the process", async (t) => {
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

test("a callback that throws ends its own call, and nobody else's", async (t) => {
  const { runtime, cri } = await scripted(t, {
    images: [{ names: ["r.example/a:1"], pullMs: 200 }],
    preload: [],
  });
  const thrown = new Error("not mine");
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

test("what cannot be watched so is an option that is wrong", async (t) => {
  const { cri } = await scripted(t, { images, preload: [] });
  for (const options of [{ stalledMs: -1 }, { stalledMs: Number.NaN }, { progressIntervalMs: 0 }])
    assert.equal((await failure(cri.images.pull(slowApp, options))).reason, "invalid_option");
});
