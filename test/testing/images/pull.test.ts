import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AuthConfigSchema } from "../../../gen/runtime/v1/api_pb.js";
import type { EmbeddedImage } from "../../../src/testing/embedded/images/index.js";
import { profileOf } from "../../../src/testing/embedded/profile.js";
import { failure } from "../../support/failure.js";
import { until } from "../../support/waiting.js";
import { nodeWith } from "./support.js";

type Auth = MessageInitShape<typeof AuthConfigSchema>;

const basic: EmbeddedImage = {
  names: ["registry.example:5000/team/basic:1", "docker.io/team/basic:1"],
  auth: { username: "user", password: "pass:word" },
};
const token: EmbeddedImage = { names: ["registry.example/token:1"], auth: { identityToken: "refresh" } };
const slow: EmbeddedImage = { names: ["slow:1", "slow:2"], pullMs: 10_000 };
const images = [basic, token, slow];
const base64 = (text: string) => Buffer.from(text).toString("base64");

test("an image that no registry has: containerd's text, and the normalized reason", async (t) => {
  const { image, store } = nodeWith(t, images);
  const missing = {
    "slow:3": "docker.io/library/slow:3",
    "quay.io/x": "quay.io/x:latest",
    [`slow:1@sha256:${"0".repeat(64)}`]: `docker.io/library/slow@sha256:${"0".repeat(64)}`,
  };
  for (const [name, full] of Object.entries(missing)) {
    const error = await failure(image.pullImage({ image: { image: name } }));
    assert.deepEqual([error.code, error.reason, error.wireCode], ["not_found", "image_missing", "not_found"]);
    assert.equal(
      error.rawMessage,
      `failed to pull and unpack image "${full}": failed to resolve reference "${full}": ${full}: not found`,
    );
  }
  assert.equal(store.images.length, 0);
});

test("an invalid name is refused with the code of the runtime", async (t) => {
  for (const name of ["Bad", "a b", "0".repeat(64)]) {
    const own = await failure(nodeWith(t, images).image.pullImage({ image: { image: name } }));
    assert.deepEqual([own.code, own.reason], ["invalid_argument", "invalid_image_reference"], own.message);
    const { image } = nodeWith(t, images, { profile: profileOf("containerd-2.1") });
    const theirs = await failure(image.pullImage({ image: { image: name } }));
    assert.deepEqual(
      [theirs.reason, theirs.wireCode],
      ["invalid_image_reference", "unknown"],
      theirs.message,
    );
  }
});

/** Credentials, and the expected error; "" for a successful pull. */
const rows: readonly (readonly [string, Auth | undefined, RegExp | ""])[] = [
  ["registry.example:5000/team/basic:1", undefined, /authorization failed: no basic auth credentials$/],
  ["registry.example:5000/team/basic:1", {}, /no basic auth credentials$/],
  ["registry.example:5000/team/basic:1", { username: "user", password: "pass:word" }, ""],
  ["registry.example:5000/team/basic:1", { auth: base64("user:pass:word") }, ""],
  ["registry.example:5000/team/basic:1", { username: "user" }, /no basic auth credentials$/],
  [
    "registry.example:5000/team/basic:1",
    { username: "user", password: "no" },
    /unexpected status from HEAD request to https:\/\/registry\.example:5000\/v2\/team\/basic\/manifests\/1: 401 Unauthorized$/,
  ],
  // `username` takes precedence over `auth`; an identity token does not match a registry with passwords.
  [
    "registry.example:5000/team/basic:1",
    { username: "user", password: "no", auth: base64("user:pass:word") },
    /401/,
  ],
  ["registry.example:5000/team/basic:1", { identityToken: "pass:word" }, /no basic auth credentials$/],
  ["registry.example:5000/team/basic:1", { registryToken: "pass:word" }, /no basic auth credentials$/],
  // A server address must be a URL with exactly this host.
  ...[
    "http://registry.example:5000",
    "https://registry.example:5000/v1/",
    "https://u@registry.example:5000",
  ].map(
    (serverAddress) =>
      [
        "registry.example:5000/team/basic:1",
        { username: "user", password: "pass:word", serverAddress },
        "",
      ] as const,
  ),
  ...["registry.example:5000", "registry.example", "https://registry.example", "https://other:5000"].map(
    (serverAddress) =>
      [
        "registry.example:5000/team/basic:1",
        { username: "user", password: "pass:word", serverAddress },
        /no basic auth credentials$/,
      ] as const,
  ),
  // Docker Hub's host differs from its name, and from its key in a Docker config.
  [
    "team/basic:1",
    { username: "user", password: "pass:word", serverAddress: "https://index.docker.io/v1/" },
    /no basic auth credentials$/,
  ],
  [
    "team/basic:1",
    { username: "user", password: "pass:word", serverAddress: "https://registry-1.docker.io" },
    "",
  ],
  ["team/basic:1", { username: "user", password: "no" }, /https:\/\/registry-1\.docker\.io\/v2\/team\/basic/],
  // Tokens.
  ["registry.example/token:1", { identityToken: "refresh" }, ""],
  ["registry.example/token:1", undefined, /failed to fetch anonymous token: .*: 401 Unauthorized$/],
  [
    "registry.example/token:1",
    { identityToken: "old" },
    /failed to fetch oauth token: .*: 401 Unauthorized$/,
  ],
  ["registry.example/token:1", { username: "u", password: "refresh" }, /failed to fetch oauth token/],
  ["registry.example/token:1", { username: "<token>", identityToken: "refresh" }, /anonymous token/],
];

test("credentials are selected as in containerd", async (t) => {
  for (const [name, auth, refused] of rows) {
    const { image, store } = nodeWith(t, images);
    const what = `${name} ${JSON.stringify(auth)}`;
    const call = image.pullImage({ image: { image: name }, ...(auth ? { auth } : {}) });
    if (refused === "") {
      assert.match((await call).imageRef, /^sha256:/, what);
      continue;
    }
    const error = await failure(call);
    assert.deepEqual(
      [error.code, error.reason, error.wireCode],
      ["permission_denied", "registry_denied", "unknown"],
      what,
    );
    assert.match(error.rawMessage, refused, what);
    assert.match(error.rawMessage, /^failed to pull and unpack image "[^"]+": failed to resolve reference "/);
    assert.equal(store.images.length, 0, what);
  }
});

test("an auth that cannot be read is an error, and its secret is not in it", async (t) => {
  const { image, store } = nodeWith(t, images);
  const pull = (auth: string) =>
    failure(image.pullImage({ image: { image: "team/basic:1" }, auth: { auth } }));
  assert.match((await pull("dXNlcjpwYXNz!")).rawMessage, /illegal base64 data at input byte 12$/);
  assert.match((await pull(base64("user:pa").replace("=", ""))).rawMessage, /illegal base64 data/);
  assert.match((await pull(base64("secret"))).rawMessage, /failed to authorize: invalid decoded auth$/);
  // A registry that requires no credentials does not look at them.
  const error = create(AuthConfigSchema, { auth: "!" });
  store.preload("slow:1");
  await image.pullImage({ image: { image: "slow:1" }, auth: error });
});

test("a pull takes pullMs; concurrent pulls share it, and an image on the node takes no time", async (t) => {
  const { image, store, clock } = nodeWith(t, images);
  const pulls = Promise.all(
    ["slow:1", "slow:2", "slow:1"].map((name) => image.pullImage({ image: { image: name } })),
  );
  await until(() => clock.sleepers === 1, "a pull is in flight");
  await clock.advance(9_999);
  assert.equal(store.images.length, 0);
  assert.equal(clock.sleepers, 1);
  await clock.advance(1);
  const refs = (await pulls).map(({ imageRef }) => imageRef);
  assert.equal(new Set(refs).size, 1);
  assert.deepEqual(store.images[0]?.repoTags.toSorted(), [
    "docker.io/library/slow:1",
    "docker.io/library/slow:2",
  ]);
  await image.pullImage({ image: { image: "slow:1" } });
  // After the removal, a pull takes pullMs again.
  await image.removeImage({ image: { image: "slow:1" } });
  const again = image.pullImage({ image: { image: "slow:1" } });
  await until(() => clock.sleepers === 1, "the second pull is in flight");
  await clock.advance(10_000);
  await again;
});

test("an aborted pull does not affect the others; the download ends with the last one", async (t) => {
  const { store, clock } = nodeWith(t, images);
  const callers = [new AbortController(), new AbortController()];
  const pulls = callers.map(({ signal }) => store.pull("slow:1", undefined, signal));
  callers[0]?.abort();
  assert.equal((await failure(pulls[0] ?? Promise.resolve())).reason, "aborted_by_caller");
  assert.equal(clock.sleepers, 1);
  await clock.advance(10_000);
  assert.equal((await pulls[1])?.image, store.images[0]?.image);

  store.remove("slow:1");
  const last = new AbortController();
  const alone = failure(store.pull("slow:1", undefined, last.signal));
  assert.equal(clock.sleepers, 1);
  last.abort();
  assert.equal((await alone).code, "canceled");
  assert.equal(clock.sleepers, 0);
  assert.equal(store.images.length, 0);
  // A later pull starts a new download.
  const next = store.pull("slow:1", undefined, new AbortController().signal);
  await clock.advance(10_000);
  await next;
  store.remove("slow:1");
  const late = await failure(store.pull("slow:1", undefined, AbortSignal.abort()));
  assert.equal(late.code, "canceled");
});
