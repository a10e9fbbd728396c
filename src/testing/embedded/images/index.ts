export { type CatalogueImage, defaultCatalogue, ImageCatalogue, parseCatalogue } from "./catalogue.js";
export type { EmbeddedImage, OciImageConfig, RegistryAuth } from "./image.js";
export { type FilesystemUsageInit, type ImageServiceOptions, imageService } from "./service.js";
export { containerImage, ImageStore, type ImageStoreOptions } from "./store.js";
export type { StoredImage } from "./stored-image.js";
