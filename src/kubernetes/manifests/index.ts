export { parseManifests } from "./parse-manifests.js";
export type {
  ManifestNotice,
  ManifestObject,
  ManifestPlace,
  ParsedManifests,
  ParseManifestsOptions,
} from "./parsed-manifests.js";
