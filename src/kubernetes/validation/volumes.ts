import { dnsLabel } from "../../pods/index.js";
import type {
  DownwardAPIVolumeFile,
  EmptyDirVolumeSource,
  HostPathVolumeSource,
  ImageVolumeSource,
  KeyToPath,
  ProjectedVolumeSource,
  Volume,
  VolumeProjection,
} from "../api/index.js";
import { tryParseQuantity } from "../defaults/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkGiven, checkRange, checkReference, checkWord } from "./checks.js";
import { checkFieldRef, checkResourceFieldRef } from "./downward.js";
import { checkString } from "./metadata.js";
import { backstep, localPath } from "./name-rules.js";
import type { PodContext } from "./pod-context.js";

const hostPathTypes = [
  "",
  "DirectoryOrCreate",
  "Directory",
  "FileOrCreate",
  "File",
  "Socket",
  "CharDevice",
  "BlockDevice",
];
const pullPolicies = ["Always", "IfNotPresent", "Never"];
const maxMode = 0o777;
const minTokenSeconds = 600;

/** Reports volumes that are not valid. */
export function checkVolumes(volumes: readonly Volume[], path: FieldPath, context: PodContext): void {
  const { problems } = context;
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const here = path.index(index);
    const name = here.child("name");
    if (checkGiven(volume.name, name, problems) && checkString(volume.name, name, problems, dnsLabel)) {
      if (names.has(volume.name)) problems.duplicate(name, volume.name);
      names.add(volume.name);
    }
    checkSource(volume, here, context);
  }
}

function checkSource(volume: Volume, path: FieldPath, context: PodContext): void {
  const { problems } = context;
  const { name: _, ...sources } = volume;
  const [first, ...others] = Object.entries(sources).filter(([, source]) => source !== undefined);
  for (const [other] of others)
    problems.forbidden(
      path.child(other),
      `must not specify more than one type of volume: ${first?.[0]} is set, too`,
    );
  const { emptyDir, hostPath, image, secret, configMap, downwardAPI, projected } = volume;
  if (emptyDir) checkEmptyDir(emptyDir, path.child("emptyDir"), problems);
  if (hostPath) checkHostPath(hostPath, path.child("hostPath"), problems);
  if (image) checkImage(image, path.child("image"), problems);
  if (secret) {
    const here = path.child("secret");
    checkReference(secret.secretName, here.child("secretName"), problems);
    checkMode(secret.defaultMode, here.child("defaultMode"), problems);
    checkItems(secret.items, here.child("items"), problems);
  }
  if (configMap) {
    const here = path.child("configMap");
    checkReference(configMap.name, here.child("name"), problems);
    checkMode(configMap.defaultMode, here.child("defaultMode"), problems);
    checkItems(configMap.items, here.child("items"), problems);
  }
  if (downwardAPI) {
    const here = path.child("downwardAPI");
    checkMode(downwardAPI.defaultMode, here.child("defaultMode"), problems);
    checkDownwardItems(downwardAPI.items, here.child("items"), context);
  }
  if (projected) checkProjected(projected, path.child("projected"), context);
  const { persistentVolumeClaim, csi } = volume;
  if (persistentVolumeClaim)
    checkReference(
      persistentVolumeClaim.claimName,
      path.child("persistentVolumeClaim").child("claimName"),
      problems,
    );
  if (csi) checkGiven(csi.driver, path.child("csi").child("driver"), problems);
}

function checkEmptyDir(
  { medium, sizeLimit }: EmptyDirVolumeSource,
  path: FieldPath,
  problems: FieldProblems,
): void {
  const size = sizeLimit === undefined ? undefined : tryParseQuantity(sizeLimit);
  if (size !== undefined && size.nanos < 0n)
    problems.forbidden(path.child("sizeLimit"), "must not be less than 0");
  checkWord(medium, ["", "Memory"], path.child("medium"), problems);
}

function checkHostPath(
  { path: target, type }: HostPathVolumeSource,
  path: FieldPath,
  problems: FieldProblems,
): void {
  if (checkGiven(target, path.child("path"), problems)) {
    checkString(target, path.child("path"), problems, backstep);
    if (!target.startsWith("/")) problems.invalid(path.child("path"), target, "must be an absolute path");
  }
  checkWord(type, hostPathTypes, path.child("type"), problems);
}

function checkImage(
  { reference, pullPolicy }: ImageVolumeSource,
  path: FieldPath,
  problems: FieldProblems,
): void {
  checkGiven(reference, path.child("reference"), problems);
  checkWord(pullPolicy, pullPolicies, path.child("pullPolicy"), problems);
}

function checkMode(mode: number | undefined, path: FieldPath, problems: FieldProblems): void {
  if (mode !== undefined && (mode < 0 || mode > maxMode))
    problems.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive");
}

function checkFilePath(text: string, path: FieldPath, problems: FieldProblems): void {
  if (!checkGiven(text, path, problems)) return;
  checkString(
    text,
    path,
    problems,
    (file) => localPath(file) ?? (file.startsWith("..") ? 'must not start with ".."' : undefined),
  );
}

function checkItems(items: readonly KeyToPath[] | undefined, path: FieldPath, problems: FieldProblems): void {
  for (const [index, item] of (items ?? []).entries()) {
    const here = path.index(index);
    checkGiven(item.key, here.child("key"), problems);
    checkFilePath(item.path, here.child("path"), problems);
    checkMode(item.mode, here.child("mode"), problems);
  }
}

function checkDownwardItems(
  items: readonly DownwardAPIVolumeFile[] | undefined,
  path: FieldPath,
  context: PodContext,
): void {
  const { problems } = context;
  for (const [index, item] of (items ?? []).entries()) {
    const here = path.index(index);
    checkFilePath(item.path, here.child("path"), problems);
    checkMode(item.mode, here.child("mode"), problems);
    if (item.fieldRef && item.resourceFieldRef)
      problems.invalid(here, "resource", "must not have both fieldRef and resourceFieldRef");
    if (!item.fieldRef && !item.resourceFieldRef)
      problems.required(here, "must specify fieldRef or resourceFieldRef");
    if (item.fieldRef) checkFieldRef(item.fieldRef, "file", here.child("fieldRef"), problems);
    if (item.resourceFieldRef)
      checkResourceFieldRef(item.resourceFieldRef, "file", here.child("resourceFieldRef"), context);
  }
}

const projectionSources = [
  "secret",
  "configMap",
  "downwardAPI",
  "serviceAccountToken",
  "clusterTrustBundle",
  "podCertificate",
] as const;

function checkProjected(projected: ProjectedVolumeSource, path: FieldPath, context: PodContext): void {
  const { problems } = context;
  checkMode(projected.defaultMode, path.child("defaultMode"), problems);
  const paths = new Set<string>();
  const unique = (file: string, here: FieldPath) => {
    if (paths.has(file)) problems.invalid(here, file, "conflicts with a path of another source");
    paths.add(file);
  };
  for (const [index, source] of (projected.sources ?? []).entries()) {
    const here = path.child("sources").index(index);
    const given = projectionSources.filter((field) => source[field] !== undefined);
    if (given.length > 1) problems.forbidden(here, `must not specify more than one of ${given.join(", ")}`);
    checkProjection(source, here, context);
    for (const field of ["secret", "configMap", "downwardAPI"] as const)
      for (const [item, { path: file }] of (source[field]?.items ?? []).entries())
        unique(file, here.child(field).child("items").index(item).child("path"));
    if (source.serviceAccountToken)
      unique(source.serviceAccountToken.path, here.child("serviceAccountToken").child("path"));
  }
}

function checkProjection(source: VolumeProjection, path: FieldPath, context: PodContext): void {
  const { problems } = context;
  for (const field of ["secret", "configMap"] as const) {
    const object = source[field];
    if (!object) continue;
    checkReference(object.name, path.child(field).child("name"), problems);
    checkItems(object.items, path.child(field).child("items"), problems);
  }
  if (source.downwardAPI)
    checkDownwardItems(source.downwardAPI.items, path.child("downwardAPI").child("items"), context);
  const { serviceAccountToken: token } = source;
  if (!token) return;
  const here = path.child("serviceAccountToken");
  checkRange(token.expirationSeconds, minTokenSeconds, 2 ** 32, here.child("expirationSeconds"), problems);
  checkFilePath(token.path, here.child("path"), problems);
}
