import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriError } from "../../../src/core/index.js";
import {
  containerImage,
  type EmbeddedImage,
  ImageCatalogue,
  ImageStore,
} from "../../../src/testing/embedded/images/index.js";
import { profileOf } from "../../../src/testing/embedded/profile.js";
import { failure } from "../../support/failure.js";
import { nodeWith } from "./support.js";

const app: EmbeddedImage = {
  names: ["localhost:5000/app:1", "localhost:5000/app:2", "quay.io/team/app:1"],
  sizeBytes: 1000,
  user: "1001:1002",
  annotations: { note: "x" },
  env: { A: "1" },
  cmd: ["serve"],
  layers: 2,
};
const other: EmbeddedImage = { names: ["busybox:1.37"], sizeBytes: 500, user: "app" };
const images = [app, other];
const spec = (image: string) => ({ image: { image } });

test("an image is listed with the names that it was pulled by", async (t) => {
  const { image, store } = nodeWith(t, images);
  assert.deepEqual((await image.listImages()).images, []);
  const { imageRef } = await image.pullImage(spec("localhost:5000/app:1"));
  const [node] = store.images;
  assert.ok(node);
  assert.equal(imageRef, `sha256:${node.hex}`);
  await image.pullImage(spec("quay.io/team/app:1"));
  await image.pullImage(spec("busybox:1.37"));

  const [first, second] = (await image.listImages()).images;
  assert.ok(first && second);
  const { $typeName: _, uid, ...fields } = first;
  assert.deepEqual(fields, {
    id: imageRef,
    repoTags: ["localhost:5000/app:1", "quay.io/team/app:1"],
    repoDigests: [`localhost:5000/app@${node.image.digest}`, `quay.io/team/app@${node.image.digest}`],
    size: 1000n,
    username: "",
    pinned: false,
  });
  assert.equal(uid?.value, 1001n);
  assert.deepEqual([second.uid, second.username, second.spec], [undefined, "app", undefined]);
});

test("a pull by digest adds no tag, even if the name has both", async (t) => {
  const { image, store } = nodeWith(t, images);
  const digest = new ImageCatalogue(images).images[0]?.digest;
  await image.pullImage(spec(`localhost:5000/app:whatever@${digest}`));
  assert.deepEqual(store.images[0]?.repoTags, []);
  assert.deepEqual(store.images[0]?.repoDigests, [`localhost:5000/app@${digest}`]);
  const { image: found } = await image.imageStatus(spec(`localhost:5000/app@${digest}`));
  assert.equal(found?.spec?.image, `localhost:5000/app@${digest}`);
  assert.equal((await image.imageStatus(spec("localhost:5000/app:1"))).image, undefined);
});

test("ImageStatus, ListImages and containers find an image by its names and its id", async (t) => {
  const { image, store } = nodeWith(t, images);
  const node = store.preload("busybox:1.37");
  store.preload("localhost:5000/app:1");
  const { hex } = node;
  const { digest } = node.image;
  const found = [
    "busybox:1.37",
    "docker.io/library/busybox:1.37",
    "index.docker.io/library/busybox:1.37",
    `busybox@${digest}`,
    `busybox:other@${digest}`,
    hex,
    `sha256:${hex}`,
    hex.slice(0, 12),
    `sha256:${hex.slice(0, 12)}`,
  ];
  for (const name of found) {
    assert.equal((await image.imageStatus(spec(name))).image?.id, `sha256:${hex}`, name);
    const { images } = await image.listImages({ filter: spec(name) });
    assert.deepEqual(
      images.map(({ id }) => id),
      [`sha256:${hex}`],
      name,
    );
    assert.equal(store.resolve(name), node, name);
  }
  const unknown = [
    "busybox",
    "busybox:1",
    "localhost:5000/app:2",
    digest,
    hex.slice(0, 2),
    `${hex}0`,
    hex.toUpperCase(),
    "f".repeat(64),
    "No Name",
  ];
  for (const name of unknown) {
    assert.equal((await image.imageStatus(spec(name))).image, undefined, name);
    assert.deepEqual((await image.listImages({ filter: spec(name) })).images, [], name);
    assert.throws(
      () => store.resolve(name),
      (error) =>
        isCriError(error) &&
        error.code === "not_found" &&
        error.reason === "image_missing" &&
        error.rawMessage === `failed to resolve image ${JSON.stringify(name)}: not found`,
    );
  }
  assert.equal((await image.listImages({ filter: { image: { image: "" } } })).images.length, 2);
  assert.equal((await image.listImages({ filter: {} })).images.length, 2);
});

test("a prefix of several ids is ambiguous, and matches nothing in a list", async (t) => {
  // Among 200 hashes, two begin with the same three digits.
  const many = Array.from({ length: 200 }, (_, index) => ({ names: [`many:${index}`] }));
  const { image, store } = nodeWith(t, many);
  const hexes = many.map(({ names: [name = ""] }) => store.preload(name).hex.slice(0, 3));
  const prefix = hexes.find((hex, index) => hexes.indexOf(hex) !== index);
  assert.ok(prefix);
  const error = await failure(image.imageStatus(spec(prefix)));
  assert.equal(error.code, "invalid_argument");
  assert.match(error.rawMessage, /ambiguous digest string/);
  assert.throws(() => store.resolve(prefix), /failed to resolve image ".+": ambiguous digest string/);
  assert.deepEqual((await image.listImages({ filter: spec(prefix) })).images, []);
});

test("a verbose ImageStatus contains the image's config, as in containerd", async (t) => {
  const { image, store } = nodeWith(t, images);
  store.preload("localhost:5000/app:1");
  const quiet = await image.imageStatus(spec("localhost:5000/app:1"));
  assert.deepEqual(quiet.info, {});
  assert.deepEqual(quiet.image?.spec?.annotations, { note: "x" });
  const { info } = await image.imageStatus({ ...spec("localhost:5000/app:1"), verbose: true });
  const { chainID, imageSpec } = JSON.parse(info.info ?? "");
  assert.match(chainID, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual(imageSpec.config, { User: "1001:1002", Env: ["A=1"], Cmd: ["serve"] });
  assert.equal(imageSpec.rootfs.diff_ids.length, 2);
});

test("removing an image by any of its names removes all of them; an unknown image is not an error", async (t) => {
  const { image, store } = nodeWith(t, images);
  const forms = (hex: string) => ["localhost:5000/app:2", hex, `sha256:${hex}`, hex.slice(0, 8)];
  for (let form = 0; form < 4; form++) {
    store.preload("busybox:1.37");
    store.preload("localhost:5000/app:1");
    const { hex } = store.preload("localhost:5000/app:2");
    await image.removeImage(spec(forms(hex)[form] ?? ""));
    assert.deepEqual(
      store.images.map(({ repoTags }) => repoTags),
      [["docker.io/library/busybox:1.37"]],
    );
  }
  for (const name of ["localhost:5000/app:1", "f".repeat(64), "nothing"]) await image.removeImage(spec(name));
  assert.equal(store.images.length, 1);
  // An image that is pulled again has only its new name.
  assert.deepEqual(store.preload("quay.io/team/app:1").repoTags, ["quay.io/team/app:1"]);
});

test("like CRI-O: ids without prefix, and removing a tag keeps the others", async (t) => {
  const { image, store } = nodeWith(t, images, { profile: profileOf("cri-o") });
  const { imageRef } = await image.pullImage(spec("localhost:5000/app:1"));
  assert.match(imageRef, /^[0-9a-f]{64}$/);
  await image.pullImage(spec("localhost:5000/app:2"));
  await image.removeImage(spec("localhost:5000/app:1"));
  assert.deepEqual(store.images[0]?.repoTags, ["localhost:5000/app:2"]);
  await image.removeImage(spec(`localhost:5000/app@${store.images[0]?.image.digest}`));
  assert.equal(store.images.length, 1);
  await image.removeImage(spec("localhost:5000/app:2"));
  assert.equal(store.images.length, 0);
  store.preload("localhost:5000/app:1");
  store.preload("localhost:5000/app:2");
  await image.removeImage(spec(imageRef));
  assert.equal(store.images.length, 0);
});

test("StreamImages splits the list into messages", async (t) => {
  const many = Array.from({ length: 7 }, (_, index) => ({ names: [`many:${index}`] }));
  const { image, store } = nodeWith(t, many, { imagesPerMessage: 3 });
  const sizes = async (filter?: { image: { image: string } }) => {
    const pieces = [];
    for await (const { images } of image.streamImages(filter ? { filter } : {})) pieces.push(images.length);
    return pieces;
  };
  assert.deepEqual(await sizes(), []);
  for (const { names } of many) store.preload(names[0] ?? "");
  assert.deepEqual(await sizes(), [3, 3, 1]);
  assert.deepEqual(await sizes(spec("many:3")), [1]);
});

test("ImageFsInfo sums up the images on the node", async (t) => {
  const { image, store, clock } = nodeWith(t, images);
  const info = async () => {
    const { imageFilesystems, containerFilesystems } = await image.imageFsInfo();
    assert.deepEqual(containerFilesystems, []);
    const [one, ...more] = imageFilesystems;
    assert.ok(one && more.length === 0);
    return one;
  };
  const empty = await info();
  assert.deepEqual([empty.usedBytes?.value, empty.inodesUsed?.value], [0n, 0n]);
  assert.equal(empty.fsId?.mountpoint, "/");
  store.preload("localhost:5000/app:1");
  store.preload("busybox:1.37");
  await clock.advance(1000);
  const full = await info();
  assert.equal(full.usedBytes?.value, 1500n);
  assert.equal(full.inodesUsed?.value, 300n);
  assert.ok(full.timestamp - empty.timestamp >= 1_000_000_000n);
  const own = nodeWith(t, images, {
    mountpoint: "/images",
    containerFilesystems: async () => [{ timestamp: 1n, fsId: { mountpoint: "/containers" } }],
  });
  const { imageFilesystems, containerFilesystems } = await own.image.imageFsInfo();
  assert.equal(imageFilesystems[0]?.fsId?.mountpoint, "/images");
  assert.equal(containerFilesystems[0]?.fsId?.mountpoint, "/containers");
});

test("a container gets the fields of its image", () => {
  const store = new ImageStore({ catalogue: new ImageCatalogue(images) });
  assert.throws(
    () => containerImage(store, "busybox:1.37"),
    /failed to resolve image "busybox:1.37": not found/,
  );
  const { hex, image } = store.preload("localhost:5000/app:1");
  const { currentTag, ...fields } = containerImage(store, hex);
  assert.deepEqual(fields, {
    id: `sha256:${hex}`,
    ref: `localhost:5000/app@${image.digest}`,
    env: ["A=1"],
    entrypoint: [],
    cmd: ["serve"],
    workingDir: "",
    user: "1001:1002",
    stopSignal: "",
    files: new Map(),
  });
  assert.equal(currentTag(), "localhost:5000/app:1");
  store.remove(hex);
  assert.equal(currentTag(), undefined);
});

test("an empty name is refused where a name is required", async () => {
  const store = new ImageStore();
  assert.throws(() => store.find(""), /can not resolve "" locally: ambiguous digest string/);
  assert.throws(() => store.remove(""), /ambiguous digest string/);
  assert.throws(() => store.resolve(""), /ambiguous digest string/);
  const { rawMessage: text } = await failure(store.pull("", undefined, new AbortController().signal));
  assert.equal(text, 'failed to parse image reference "": invalid reference format');
});
