export type { RegistryCredentials } from "./auth/login.js";
export type { CredentialFunction, CredentialLookup, CredentialSource, ImageAuth } from "./auth/source.js";
export { Images, type ImagesParts } from "./images.js";
export { familiarReference, formatReference, normalizeReference } from "./names.js";
export type { NodeImage } from "./node-image.js";
export type { EnsureImageOptions, PullOptions } from "./options.js";
export { defaultPullPolicy, type PullPolicy } from "./policy.js";
