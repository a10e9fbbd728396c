import assert from "node:assert/strict";
import { casesOf } from "../case.js";
import { rejected } from "../rejection.js";
import { bare, look, pull, remove } from "./image-calls.js";

/** Pulling images, and removing them. */
export const imagePullCases = casesOf("image", {
  "remove-takes-it-off-the-node": {
    title: "a removed image is not on the node, and others are",
    rule: "After RemoveImage, ImageStatusResponse.image is unset for the name and the id, and ListImages lacks it.",
    async run(context) {
      const kept = await pull(context, context.images.main);
      const other = await context.otherImage();
      const imageRef = await pull(context, other);
      await remove(context, other);
      assert.deepEqual(
        [await look(context, other), await look(context, bare(imageRef))],
        [undefined, undefined],
      );
      const ids = (await context.image.listImages()).images.map(({ id }) => id);
      assert.deepEqual([ids.includes(imageRef), ids.includes(kept)], [false, true]);
    },
  },
  "remove-takes-an-id": {
    title: "an image is removed by its id, with its names",
    rule: "RemoveImageRequest.image.image may be an id: the image goes with all its names.",
    async run(context) {
      const other = await context.otherImage();
      const imageRef = await pull(context, other);
      await remove(context, bare(imageRef));
      assert.equal(await look(context, other), undefined);
    },
  },
  "pull-again-gives-the-same": {
    title: "an image that is removed and pulled again has the same id",
    rule: "PullImage: Image.id is made of what is in the image.",
    async run(context) {
      const other = await context.otherImage();
      const first = await pull(context, other);
      await remove(context, other);
      assert.equal(await pull(context, other), first);
    },
  },
  "pull-takes-a-digest": {
    title: "an image pulled by its digest has no tag, and the same id",
    rule: "PullImageRequest.image.image may be a name with a digest; Image.repo_tags is empty then.",
    async run(context) {
      const other = await context.otherImage();
      const imageRef = await pull(context, other);
      const [digest = ""] = (await look(context, other))?.repoDigests ?? [];
      await remove(context, bare(imageRef));
      assert.equal(await pull(context, digest), imageRef);
      const image = await look(context, digest);
      assert.deepEqual([image?.id, image?.repoTags], [imageRef, []]);
      assert.ok(image?.repoDigests.includes(digest));
    },
  },
  "pull-of-none-fails": {
    title: "an image that its registry does not have cannot be pulled",
    rule: "PullImage fails for an image that is not in the registry, and leaves nothing on the node.",
    async run(context) {
      await rejected(pull(context, context.images.missing));
      assert.equal(await look(context, context.images.missing), undefined);
    },
  },
  "pull-of-no-name-fails": {
    title: "what is no image reference cannot be pulled",
    rule: "PullImage fails for a name that cannot be parsed.",
    async run(context) {
      await rejected(pull(context, "localhost/UPPER CASE:1"));
    },
  },
  "status-has-no-info-unasked": {
    title: "an image's status has no info when none was asked for",
    rule: "ImageStatusResponse.info is empty unless ImageStatusRequest.verbose is true.",
    async run(context) {
      await pull(context, context.images.main);
      const { info } = await context.image.imageStatus({ image: { image: context.images.main } });
      assert.deepEqual(info, {});
    },
  },
  "status-has-info-when-asked": {
    title: "an image's status has info when it was asked for",
    rule: "ImageStatusResponse.info has details when ImageStatusRequest.verbose is true.",
    async run(context) {
      await pull(context, context.images.main);
      const request = { image: { image: context.images.main }, verbose: true };
      assert.notEqual(Object.keys((await context.image.imageStatus(request)).info).length, 0);
    },
  },
  "file-system-has-usage": {
    title: "the image file system has a place, a use and a time",
    rule: "ImageFsInfoResponse.image_filesystems has fs_id, used_bytes and a timestamp in nanoseconds.",
    async run(context) {
      await pull(context, context.images.main);
      const { imageFilesystems } = await context.image.imageFsInfo();
      assert.notEqual(imageFilesystems.length, 0);
      for (const { fsId, usedBytes, timestamp } of imageFilesystems) {
        assert.match(fsId?.mountpoint ?? "", /^\//);
        assert.ok(usedBytes, "used_bytes is unset");
        const ageMs = Date.now() - Number(timestamp / 1_000_000n);
        assert.ok(ageMs > -60_000 && ageMs < 600_000, `the figures are ${ageMs} ms old`);
      }
    },
  },
});
