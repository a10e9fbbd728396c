export { type CollectOptions, GarbageCollection, type GarbageParts } from "./garbage.js";
export { ImageGarbageCollection, type ImageGarbageParts } from "./images.js";
export {
  type GarbageCollectionOptions,
  garbageCollectionTable,
  type ImageGarbageCollectionOptions,
  imageGarbageCollectionTable,
} from "./options.js";
