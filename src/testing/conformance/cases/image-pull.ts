import assert from "node:assert/strict";
import { casesOf } from "../case.js";
import { rejected } from "../rejection.js";
import { bare, look, pull, remove } from "./image-lookup.js";

/** Image pulls and removals. */
export const imagePullCases = casesOf("image", {
  "removed-is-not-on-the-node": {
    title: "a removed image is not on the node, and other images stay",
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
  "remove-accepts-an-id": {
    title: "an image is removed by its id, with its names",
    rule: "RemoveImageRequest.image.image may be an id: the image is removed with all its names.",
    async run(context) {
      const other = await context.otherImage();
      const imageRef = await pull(context, other);
      await remove(context, bare(imageRef));
      assert.equal(await look(context, other), undefined);
    },
  },
  "pull-again-returns-the-same": {
    title: "an image that is removed and pulled again has the same id",
    rule: "PullImage: Image.id depends on the image's content only.",
    async run(context) {
      const other = await context.otherImage();
      const first = await pull(context, other);
      await remove(context, other);
      assert.equal(await pull(context, other), first);
    },
  },
  "pull-accepts-a-digest": {
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
    title: "an invalid image reference cannot be pulled",
    rule: "PullImage fails for a name that cannot be parsed.",
    async run(context) {
      await rejected(pull(context, "localhost/UPPER CASE:1"));
    },
  },
  "status-has-no-info-by-default": {
    title: "an image's status has no info unless requested",
    rule: "ImageStatusResponse.info is empty unless ImageStatusRequest.verbose is true.",
    async run(context) {
      await pull(context, context.images.main);
      const { info } = await context.image.imageStatus({ image: { image: context.images.main } });
      assert.deepEqual(info, {});
    },
  },
  "status-has-info-when-requested": {
    title: "an image's status has info when requested",
    rule: "ImageStatusResponse.info has details when ImageStatusRequest.verbose is true.",
    async run(context) {
      await pull(context, context.images.main);
      const request = { image: { image: context.images.main }, verbose: true };
      assert.notEqual(Object.keys((await context.image.imageStatus(request)).info).length, 0);
    },
  },
  "file-system-has-usage": {
    title: "the image filesystem has an id, a usage and a timestamp",
    rule: "ImageFsInfoResponse.image_filesystems has fs_id, used_bytes and a timestamp in nanoseconds.",
    async run(context) {
      await pull(context, context.images.main);
      const { imageFilesystems } = await context.image.imageFsInfo();
      assert.notEqual(imageFilesystems.length, 0);
      for (const { fsId, usedBytes, timestamp } of imageFilesystems) {
        assert.match(fsId?.mountpoint ?? "", /^\//);
        assert.ok(usedBytes, "used_bytes is unset");
        const ageMs = Date.now() - Number(timestamp / 1_000_000n);
        assert.ok(ageMs > -60_000 && ageMs < 600_000, `the timestamp is ${ageMs} ms old`);
      }
    },
  },
});
