import type { TestContext } from "node:test";
import { type Cri, connect } from "../../../src/index.js";
import { memoryTransport } from "../../../src/server/index.js";
import { VirtualClock } from "../../../src/testing/embedded/clock.js";
import {
  type EmbeddedImage,
  ImageCatalogue,
  type ImageServiceOptions,
  ImageStore,
  type ImageStoreOptions,
  imageService,
} from "../../../src/testing/embedded/images/index.js";
import { cleanup } from "../../support/cleanup.js";

/** A node with its images, its clock, and a client of its image service. */
export interface Node {
  readonly store: ImageStore;
  readonly clock: VirtualClock;
  readonly image: Cri["image"];
}

/** Creates a node without images, whose registries have these; its client normalizes errors. */
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
