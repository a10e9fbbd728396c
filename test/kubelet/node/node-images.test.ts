import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ImageSchema } from "../../../gen/runtime/v1/api_pb.js";
import { nodeImages } from "../../../src/kubelet/node/node-images.js";

const image = (id: string, size: number, tags: readonly string[] = [], digests: readonly string[] = []) =>
  create(ImageSchema, { id, size: BigInt(size), repoTags: [...tags], repoDigests: [...digests] });

test("the largest images come first, and of equal ones always the same", () => {
  const images = [image("c", 1), image("b", 5), image("a", 5), image("d", 9)];
  const sizes = (list: typeof images) => nodeImages(list).map(({ sizeBytes }) => sizeBytes);
  assert.deepEqual(sizes(images), [9, 5, 5, 1]);
  const named = images.map(({ id, size }) => image(id, Number(size), [id]));
  const names = (list: typeof images) => nodeImages(list).flatMap((one) => one.names ?? []);
  assert.deepEqual(names(named), ["d", "a", "b", "c"]);
  assert.deepEqual(names(named.toReversed()), ["d", "a", "b", "c"]);
});

test("50 images are reported, with five names, digests first", () => {
  const many = Array.from({ length: 60 }, (_, index) => image(`image-${index}`, index + 1));
  const found = nodeImages(many);
  assert.equal(found.length, 50);
  assert.equal(found.at(-1)?.sizeBytes, 11);
  const tagged = image("a", 1, ["t1", "t2", "t3", "t4"], ["d1", "d2"]);
  assert.deepEqual(nodeImages([tagged]), [{ names: ["d1", "d2", "t1", "t2", "t3"], sizeBytes: 1 }]);
});
