export { type CatalogueImage, ImageCatalogue } from "./catalogue.js";
export { parseCatalogue } from "./catalogue-file.js";
export { containerImage } from "./container-image.js";
export type { OciImageConfig } from "./content.js";
export { defaultCatalogue } from "./default-catalogue.js";
export type { EmbeddedImage, RegistryAuth } from "./image.js";
export type { NodeImage } from "./node-image.js";
export { type FilesystemUsageInit, type ImageServiceOptions, imageService } from "./service.js";
export { ImageStore, type ImageStoreOptions } from "./store.js";
