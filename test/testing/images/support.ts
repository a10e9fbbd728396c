import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Cri, type CriError, connect, isCriError } from "../../../src/index.js";
import { memoryTransport } from "../../../src/server/index.js";
import {
  type EmbeddedImage,
  ImageCatalogue,
  type ImageServiceOptions,
  ImageStore,
  type ImageStoreOptions,
  imageService,
} from "../../../src/testing/embedded/images/index.js";
import { VirtualClock } from "../../../src/testing/embedded/virtual-clock.js";
import { cleanup } from "../../support/cleanup.js";

/** A node, its time, and a client of its image service. */
export interface Node {
  readonly store: ImageStore;
  readonly clock: VirtualClock;
  readonly image: Cri["image"];
}

/** A node without images, that can pull these; by its client, runtimes' words come out in one vocabulary. */
export function nodeWith(
  t: TestContext,
  images: readonly EmbeddedImage[],
  options: ImageStoreOptions & ImageServiceOptions = {},
): Node {
  const clock = new VirtualClock();
  const store = new ImageStore({ catalogue: new ImageCatalogue(images), clock, ...options });
  const transport = memoryTransport({ image: imageService(store, options) });
  const cri = connect.through({ transport, retry: { attempts: 1 } });
  cleanup(t, () => cri.close());
  return { store, clock, image: cri.image };
}

/** How a call failed. */
export async function failureOf(work: Promise<unknown>): Promise<CriError> {
  const error = await work.then(
    () => assert.fail("it did not fail"),
    (error: unknown) => error,
  );
  assert.ok(isCriError(error), String(error));
  return error;
}
