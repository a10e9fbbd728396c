import assert from "node:assert/strict";
import type { Image } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import type { ConformanceContext } from "../context.js";

/** Image lookups and lists. */
export const imageLookupCases = casesOf("image", {
  "pull-returns-the-id": {
    title: "PullImage returns the id that ImageStatus has",
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
  "status-accepts-an-id": {
    title: "an image is found by its id",
    rule: "ImageStatusRequest.image.image may be an id, as bare hexadecimal digits.",
    async run(context) {
      const imageRef = await pull(context, context.images.main);
      assert.equal((await look(context, bare(imageRef)))?.id, imageRef);
    },
  },
  "status-accepts-a-digest": {
    title: "an image is found by a name with its digest",
    rule: "ImageStatusRequest.image.image may be one of Image.repo_digests.",
    async run(context) {
      const imageRef = await pull(context, context.images.main);
      const [digest = ""] = (await look(context, context.images.main))?.repoDigests ?? [];
      assert.equal((await look(context, digest))?.id, imageRef);
    },
  },
  "status-of-none-is-unset": {
    title: "a missing image is not an error",
    rule: "ImageStatusResponse.image is unset for an image that is not on the node; ImageStatus does not fail.",
    async run(context) {
      assert.equal(await look(context, context.images.missing), undefined);
      assert.equal(await look(context, "0123456789abcdef".repeat(4)), undefined);
    },
  },
  "status-equals-list": {
    title: "a listed image equals its status",
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
    rule: "ImageStatus: Image.repo_tags has the image's names with a tag, fully qualified.",
    async run(context) {
      await pull(context, context.images.main);
      const tags = (await look(context, context.images.main))?.repoTags ?? [];
      assert.ok(tags.includes(context.images.main), `${tags}`);
    },
  },
  "has-its-digest": {
    title: "a pulled image has a name with a digest",
    rule: "ImageStatus: Image.repo_digests has names with a digest, as repository@algorithm:digits.",
    async run(context) {
      await pull(context, context.images.main);
      const digests = (await look(context, context.images.main))?.repoDigests ?? [];
      assert.notEqual(digests.length, 0);
      for (const digest of digests) assert.match(digest, /^[^@\s]+@sha256:[0-9a-f]{64}$/);
    },
  },
  "has-a-size": {
    title: "an image has a size",
    rule: "ListImages: Image.size is the size in bytes, greater than 0.",
    async run(context) {
      await pull(context, context.images.main);
      for (const { id, size } of (await context.image.listImages()).images)
        assert.ok(size > 0n, `${id} has size ${size}`);
    },
  },
  "two-tags-are-one-image": {
    title: "two tags of an image are one entry with two names",
    rule: "ListImages: another tag of the same image is another of its Image.repo_tags, not another entry.",
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
    rule: "PullImage: Image.id differs between images.",
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
    rule: "ListImages: ImageFilter.image selects the image of this name.",
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
    title: "the filter by an unknown name selects nothing",
    rule: "ListImages with an unknown ImageFilter.image returns an empty list and no error.",
    async run(context) {
      await pull(context, context.images.main);
      const filter = { image: { image: context.images.missing } };
      assert.equal((await context.image.listImages({ filter })).images.length, 0);
    },
  },
  "empty-filter-selects-all": {
    title: "an empty filter selects everything",
    rule: "ListImages: ImageFilter.image unset, or with an empty name, selects all images.",
    async run(context) {
      const imageRef = await pull(context, context.images.main);
      for (const filter of [{}, { image: { image: "" } }]) {
        const { images } = await context.image.listImages({ filter });
        assert.ok(images.some(({ id }) => id === imageRef));
      }
    },
  },
});

/** Pulls an image and returns PullImage's image_ref. */
export async function pull({ image }: ConformanceContext, name: string): Promise<string> {
  return (await image.pullImage({ image: { image: name } })).imageRef;
}

/** Returns ImageStatus's image; undefined if the runtime does not have it. */
export async function look({ image }: ConformanceContext, name: string): Promise<Image | undefined> {
  return (await image.imageStatus({ image: { image: name } })).image;
}

/** Removes an image. */
export async function remove({ image }: ConformanceContext, name: string): Promise<void> {
  await image.removeImage({ image: { image: name } });
}

/** Returns an id without its algorithm: some runtimes add the prefix, others accept ids only without it. */
export function bare(id: string | undefined): string {
  return id?.replace(/^sha256:/, "") ?? "";
}
