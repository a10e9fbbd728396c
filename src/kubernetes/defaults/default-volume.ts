import type { DownwardAPIVolumeFile, Volume, VolumeProjection } from "../api/index.js";
import { pullPolicyOf } from "./default-container.js";

/** The mode of files for which none is given. */
const defaultMode = 0o644;
/** How long tokens of service accounts are valid for which no duration is given, in seconds. */
const tokenSeconds = 3600;

/** Sets the defaults of a volume; one without a source is an `emptyDir`. */
export function defaultVolume(volume: Volume): Volume {
  const { configMap, secret, downwardAPI, projected, hostPath, image } = volume;
  const hasSource = Object.entries(volume).some(
    ([key, source]) => key !== "name" && source !== undefined && source !== null,
  );
  if (!hasSource) return { ...volume, emptyDir: {} };
  return {
    ...volume,
    ...(configMap && { configMap: { ...configMap, defaultMode: configMap.defaultMode ?? defaultMode } }),
    ...(secret && { secret: { ...secret, defaultMode: secret.defaultMode ?? defaultMode } }),
    ...(downwardAPI && {
      downwardAPI: {
        ...downwardAPI,
        defaultMode: downwardAPI.defaultMode ?? defaultMode,
        ...(downwardAPI.items && { items: downwardAPI.items.map(defaultFile) }),
      },
    }),
    ...(projected && {
      projected: {
        ...projected,
        defaultMode: projected.defaultMode ?? defaultMode,
        ...(projected.sources && { sources: projected.sources.map(defaultProjection) }),
      },
    }),
    ...(hostPath && { hostPath: { ...hostPath, type: hostPath.type ?? "" } }),
    ...(image && {
      image: { ...image, pullPolicy: image.pullPolicy || pullPolicyOf(image.reference ?? "") },
    }),
  };
}

function defaultFile(file: DownwardAPIVolumeFile): DownwardAPIVolumeFile {
  const { fieldRef } = file;
  if (!fieldRef) return file;
  return { ...file, fieldRef: { ...fieldRef, apiVersion: fieldRef.apiVersion || "v1" } };
}

function defaultProjection(source: VolumeProjection): VolumeProjection {
  const { downwardAPI, serviceAccountToken } = source;
  return {
    ...source,
    ...(downwardAPI?.items && {
      downwardAPI: { ...downwardAPI, items: downwardAPI.items.map(defaultFile) },
    }),
    ...(serviceAccountToken && {
      serviceAccountToken: {
        ...serviceAccountToken,
        expirationSeconds: serviceAccountToken.expirationSeconds ?? tokenSeconds,
      },
    }),
  };
}
