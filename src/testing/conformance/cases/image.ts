import assert from "node:assert/strict";
import { casesOf } from "../case.js";
import type { ConformanceContext } from "../context.js";
import { rejected } from "../rejection.js";

const pull = async ({ image }: ConformanceContext, name: string) =>
  (await image.pullImage({ image: { image: name } })).imageRef;
const look = async ({ image }: ConformanceContext, name: string) =>
  (await image.imageStatus({ image: { image: name } })).image;
const remove = ({ image }: ConformanceContext, name: string) => image.removeImage({ image: { image: name } });
/** The portable form of an id: some runtimes put the algorithm before it, and others take it without only. */
const bare = (id: string | undefined) => id?.replace(/^sha256:/, "") ?? "";

/** Pulling, looking up and removing images. */
export const imageCases = casesOf("image", {
  "pull-answers-the-id": {
    title: "PullImage answers the id that ImageStatus has",
    rule: "PullImageResponse.image_ref is Image.id of the pulled image.",
    async run(context) {
      const imageRef = await pull(context, context.images.main);
      assert.match(bare(imageRef), /^[0-9a-f]{64}$/);
      assert.equal((await look(context, context.images.main))?.id, imageRef);
    },
  },
  "pulled-is-listed": {
    title: "a pulled image is in the list, once",
    rule: "After PullImage, ListImages has the image, one entry for an id.",
    async run(context) {
      const imageRef = await pull(context, context.images.main);
      const { images } = await context.image.listImages();
      assert.equal(images.filter(({ id }) => id === imageRef).length, 1);
      assert.equal(new Set(images.map(({ id }) => id)).size, images.length);
    },
  },
  "status-takes-an-id": {
    title: "an image is found by its id",
    rule: "ImageStatusRequest.image.image may be an id, as bare hexadecimal digits.",
    async run(context) {
      const imageRef = await pull(context, context.images.main);
      assert.equal((await look(context, bare(imageRef)))?.id, imageRef);
    },
  },
  "status-takes-a-digest": {
    title: "an image is found by a name with its digest",
    rule: "ImageStatusRequest.image.image may be one of Image.repo_digests.",
    async run(context) {
      const imageRef = await pull(context, context.images.main);
      const [digest = ""] = (await look(context, context.images.main))?.repoDigests ?? [];
      assert.equal((await look(context, digest))?.id, imageRef);
    },
  },
  "status-of-none-is-unset": {
    title: "an image that is not there is no error",
    rule: "ImageStatusResponse.image is unset for an image that is not on the node; ImageStatus does not fail.",
    async run(context) {
      assert.equal(await look(context, context.images.missing), undefined);
      assert.equal(await look(context, "0123456789abcdef".repeat(4)), undefined);
    },
  },
  "status-equals-list": {
    title: "an image in a list is what its status says",
    rule: "Image has the same id, repo_tags, repo_digests and size in ListImages and in ImageStatus.",
    async run(context) {
      const imageRef = await pull(context, context.images.main);
      const status = await look(context, context.images.main);
      const listed = (await context.image.listImages()).images.find(({ id }) => id === imageRef);
      assert.deepEqual([...(listed?.repoTags ?? [])].sort(), [...(status?.repoTags ?? [])].sort());
      assert.deepEqual([...(listed?.repoDigests ?? [])].sort(), [...(status?.repoDigests ?? [])].sort());
      assert.equal(listed?.size, status?.size);
    },
  },
  "has-its-tag": {
    title: "a pulled image has the name that it was pulled by",
    rule: "Image.repo_tags has the image's names with a tag, fully qualified.",
    async run(context) {
      await pull(context, context.images.main);
      const tags = (await look(context, context.images.main))?.repoTags ?? [];
      assert.ok(tags.includes(context.images.main), `${tags}`);
    },
  },
  "has-its-digest": {
    title: "a pulled image has a name with a digest",
    rule: "Image.repo_digests has names with a digest, as repository@algorithm:digits.",
    async run(context) {
      await pull(context, context.images.main);
      const digests = (await look(context, context.images.main))?.repoDigests ?? [];
      assert.notEqual(digests.length, 0);
      for (const digest of digests) assert.match(digest, /^[^@\s]+@sha256:[0-9a-f]{64}$/);
    },
  },
  "has-a-size": {
    title: "an image has a size",
    rule: "Image.size is the size in bytes, greater than 0.",
    async run(context) {
      await pull(context, context.images.main);
      for (const { id, size } of (await context.image.listImages()).images)
        assert.ok(size > 0n, `${id} has size ${size}`);
    },
  },
  "two-tags-are-one-image": {
    title: "two tags of an image are one entry with two names",
    rule: "Images are what their ids say: another tag of the same image is another of its repo_tags.",
    async run(context) {
      const { main, sameImage } = context.images;
      const ids = [await pull(context, main), await pull(context, sameImage)];
      assert.equal(ids[0], ids[1]);
      const images = (await context.image.listImages()).images.filter(({ id }) => id === ids[0]);
      assert.equal(images.length, 1);
      for (const name of [main, sameImage])
        assert.ok(images[0]?.repoTags.includes(name), `${name} is missing`);
    },
  },
  "another-is-another": {
    title: "another image has another id, digest and name",
    rule: "Image.id tells images apart.",
    async run(context) {
      const other = await context.otherImage();
      const ids = [await pull(context, context.images.main), await pull(context, other)];
      assert.notEqual(ids[0], ids[1]);
      const names = (await look(context, context.images.main))?.repoTags ?? [];
      assert.ok(!names.includes(other));
    },
  },
  "filter-by-name": {
    title: "the filter by name selects one image",
    rule: "ImageFilter.image selects the image of this name.",
    async run(context) {
      const other = await context.otherImage();
      const imageRef = await pull(context, other);
      const { images } = await context.image.listImages({ filter: { image: { image: other } } });
      assert.deepEqual(
        images.map(({ id }) => id),
        [imageRef],
      );
    },
  },
  "filter-by-unknown-name": {
    title: "the filter by a name that is not there selects nothing",
    rule: "ListImages with an unknown ImageFilter.image answers an empty list, and no error.",
    async run(context) {
      await pull(context, context.images.main);
      const filter = { image: { image: context.images.missing } };
      assert.equal((await context.image.listImages({ filter })).images.length, 0);
    },
  },
  "empty-filter-selects-all": {
    title: "an empty filter is no filter",
    rule: "ImageFilter.image unset, or with an empty name, selects all images.",
    async run(context) {
      const imageRef = await pull(context, context.images.main);
      for (const filter of [{}, { image: { image: "" } }]) {
        const { images } = await context.image.listImages({ filter });
        assert.ok(images.some(({ id }) => id === imageRef));
      }
    },
  },
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
    rule: "Image.id is made of what is in the image.",
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
