export type { RegistryCredentials, SecretCredentials } from "./auth/credentials.js";
export { dockerAuth } from "./auth/docker-auth.js";
export type { HelperOptions } from "./auth/helper.js";
export { keyMatches, keyring, type PullSecret } from "./auth/keyring.js";
export { podmanAuth } from "./auth/podman-auth.js";
export { runCredentialProgram } from "./auth/run-program.js";
export {
  authCheck,
  type CredentialFunction,
  type CredentialLookup,
  type CredentialSource,
  findCredentials,
  type ImageAuth,
} from "./auth/source.js";
export { Images, type ImagesParts, type ListImagesOptions } from "./images.js";
export { familiarReference, formatReference, normalizeReference } from "./names.js";
export type { ImageFilesystem, ImageFsInfo, NodeImage } from "./node-image.js";
export {
  defaultPullPolicy,
  type EnsureImageOptions,
  type GetImageOptions,
  type ImageSpecOptions,
  type PullOptions,
  type PullPolicy,
  pullTable,
} from "./options.js";
export type { PullProgress, PullProgressOptions } from "./pull-progress.js";
export type { KeptImage, PruneOptions, PruneResult, RemovedImage, RemoveImageOptions } from "./removal.js";
export type { ImageSelection } from "./selection.js";
export { SingleFlight } from "./single-flight.js";
