import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AuthConfigSchema } from "../../../gen/runtime/v1/api_pb.js";
import type { EmbeddedImage } from "../../../src/testing/embedded/images/index.js";
import { profileOf } from "../../../src/testing/embedded/profile.js";
import { until } from "../../support/waiting.js";
import { failureOf, nodeWith } from "./support.js";

type Auth = MessageInitShape<typeof AuthConfigSchema>;

const basic: EmbeddedImage = {
  names: ["registry.example:5000/team/basic:1", "docker.io/team/basic:1"],
  auth: { username: "user", password: "pass:word" },
};
const token: EmbeddedImage = { names: ["registry.example/token:1"], auth: { identityToken: "refresh" } };
const slow: EmbeddedImage = { names: ["slow:1", "slow:2"], pullMs: 10_000 };
const images = [basic, token, slow];
const base64 = (text: string) => Buffer.from(text).toString("base64");

test("what is not in a registry is not found, in containerd's words and in the common vocabulary", async (t) => {
  const { image, store } = nodeWith(t, images);
  const missing = {
    "slow:3": "docker.io/library/slow:3",
    "quay.io/x": "quay.io/x:latest",
    [`slow:1@sha256:${"0".repeat(64)}`]: `docker.io/library/slow@sha256:${"0".repeat(64)}`,
  };
  for (const [name, full] of Object.entries(missing)) {
    const error = await failureOf(image.pullImage({ image: { image: name } }));
    assert.deepEqual([error.code, error.reason, error.wireCode], ["not_found", "image_missing", "not_found"]);
    assert.equal(
      error.text,
      `failed to pull and unpack image "${full}": failed to resolve reference "${full}": ${full}: not found`,
    );
  }
  assert.equal(store.images.length, 0);
});

test("what is no name is refused, with the code of the runtime", async (t) => {
  for (const name of ["Bad", "a b", "0".repeat(64)]) {
    const own = await failureOf(nodeWith(t, images).image.pullImage({ image: { image: name } }));
    assert.deepEqual([own.code, own.reason], ["invalid_argument", "invalid_image_reference"], own.message);
    const { image } = nodeWith(t, images, { profile: profileOf("containerd-2.1") });
    const theirs = await failureOf(image.pullImage({ image: { image: name } }));
    assert.deepEqual(
      [theirs.reason, theirs.wireCode],
      ["invalid_image_reference", "unknown"],
      theirs.message,
    );
  }
});

/** Credentials, and what becomes of them: "" for an image. */
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
  // The name wins over `auth`, and an identity token is nothing for a registry with passwords.
  [
    "registry.example:5000/team/basic:1",
    { username: "user", password: "no", auth: base64("user:pass:word") },
    /401/,
  ],
  ["registry.example:5000/team/basic:1", { identityToken: "pass:word" }, /no basic auth credentials$/],
  ["registry.example:5000/team/basic:1", { registryToken: "pass:word" }, /no basic auth credentials$/],
  // A server address has to be a URL of this very host.
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
  // Docker Hub is at another host than its name, and than its key in a Docker config.
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

test("credentials are taken as containerd takes them", async (t) => {
  for (const [name, auth, refused] of rows) {
    const { image, store } = nodeWith(t, images);
    const what = `${name} ${JSON.stringify(auth)}`;
    const call = image.pullImage({ image: { image: name }, ...(auth ? { auth } : {}) });
    if (refused === "") {
      assert.match((await call).imageRef, /^sha256:/, what);
      continue;
    }
    const error = await failureOf(call);
    assert.deepEqual(
      [error.code, error.reason, error.wireCode],
      ["permission_denied", "registry_denied", "unknown"],
      what,
    );
    assert.match(error.text, refused, what);
    assert.match(error.text, /^failed to pull and unpack image "[^"]+": failed to resolve reference "/);
    assert.equal(store.images.length, 0, what);
  }
});

test("an auth that cannot be read is an error, and its secret is not in it", async (t) => {
  const { image, store } = nodeWith(t, images);
  const pull = (auth: string) =>
    failureOf(image.pullImage({ image: { image: "team/basic:1" }, auth: { auth } }));
  assert.match((await pull("dXNlcjpwYXNz!")).text, /illegal base64 data at input byte 12$/);
  assert.match((await pull(base64("user:pa").replace("=", ""))).text, /illegal base64 data/);
  assert.match((await pull(base64("secret"))).text, /failed to authorize: invalid decoded auth$/);
  // Who does not ask for credentials does not look at them.
  const error = create(AuthConfigSchema, { auth: "!" });
  store.preload("slow:1");
  await image.pullImage({ image: { image: "slow:1" }, auth: error });
});

test("a pull takes its time, once: pulls of one image at a time are one, and one on the node takes none", async (t) => {
  const { image, store, clock } = nodeWith(t, images);
  const pulls = Promise.all(
    ["slow:1", "slow:2", "slow:1"].map((name) => image.pullImage({ image: { image: name } })),
  );
  await until(() => clock.sleepers === 1, "somebody pulls");
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
  // Removed, it takes its time again.
  await image.removeImage({ image: { image: "slow:1" } });
  const again = image.pullImage({ image: { image: "slow:1" } });
  await until(() => clock.sleepers === 1, "it is pulled again");
  await clock.advance(10_000);
  await again;
});

test("who aborts a pull leaves it; the others get their image, and the last one ends it", async (t) => {
  const { store, clock } = nodeWith(t, images);
  const callers = [new AbortController(), new AbortController()];
  const pulls = callers.map(({ signal }) => store.pull("slow:1", undefined, signal));
  callers[0]?.abort();
  assert.equal((await failureOf(pulls[0] ?? Promise.resolve())).reason, "aborted_by_caller");
  assert.equal(clock.sleepers, 1);
  await clock.advance(10_000);
  assert.equal((await pulls[1])?.image, store.images[0]?.image);

  store.remove("slow:1");
  const last = new AbortController();
  const alone = failureOf(store.pull("slow:1", undefined, last.signal));
  assert.equal(clock.sleepers, 1);
  last.abort();
  assert.equal((await alone).code, "canceled");
  assert.equal(clock.sleepers, 0);
  assert.equal(store.images.length, 0);
  // And a new one begins anew.
  const next = store.pull("slow:1", undefined, new AbortController().signal);
  await clock.advance(10_000);
  await next;
  store.remove("slow:1");
  const late = await failureOf(store.pull("slow:1", undefined, AbortSignal.abort()));
  assert.equal(late.code, "canceled");
});
