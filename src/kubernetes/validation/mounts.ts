import type { VolumeMount } from "../api/index.js";
import type { DefaultedContainer } from "../defaults/index.js";
import type { FieldPath } from "../schema/index.js";
import { checkGiven, checkWord } from "./checks.js";
import { checkString } from "./metadata.js";
import { backstep, localPath } from "./name-rules.js";
import type { PodContext } from "./pod-context.js";

/** Reports mounts of a container that are not valid. */
export function checkMounts(
  container: DefaultedContainer,
  isEphemeral: boolean,
  path: FieldPath,
  context: PodContext,
): void {
  const { problems, volumes } = context;
  const paths = new Set<string>();
  for (const [index, mount] of container.volumeMounts.entries()) {
    const here = path.index(index);
    if (checkGiven(mount.name, here.child("name"), problems) && !volumes.has(mount.name))
      problems.notFound(here.child("name"), mount.name);
    if (checkGiven(mount.mountPath, here.child("mountPath"), problems)) {
      if (paths.has(mount.mountPath))
        problems.invalid(here.child("mountPath"), mount.mountPath, "must be unique");
      checkString(mount.mountPath, here.child("mountPath"), problems, backstep);
    }
    paths.add(mount.mountPath);
    checkSubPath(mount, isEphemeral, here, context);
    checkPropagation(mount, container, here, context);
    checkRecursiveReadOnly(mount, here, context);
  }
}

function checkSubPath(
  { subPath, subPathExpr }: VolumeMount,
  isEphemeral: boolean,
  path: FieldPath,
  { problems }: PodContext,
): void {
  for (const [field, text] of Object.entries({ subPath, subPathExpr })) {
    if (!text) continue;
    checkString(text, path.child(field), problems, localPath);
    if (isEphemeral) problems.forbidden(path.child(field), "cannot be set for an ephemeral container");
  }
  if (subPath && subPathExpr)
    problems.invalid(path.child("subPathExpr"), subPathExpr, "must not be set together with subPath");
}

function checkPropagation(
  { mountPropagation }: VolumeMount,
  { securityContext }: DefaultedContainer,
  path: FieldPath,
  { problems }: PodContext,
): void {
  const here = path.child("mountPropagation");
  checkWord(mountPropagation, ["None", "HostToContainer", "Bidirectional"], here, problems);
  if (mountPropagation === "Bidirectional" && securityContext?.privileged !== true)
    problems.forbidden(here, "Bidirectional is available only to privileged containers");
}

function checkRecursiveReadOnly(
  { recursiveReadOnly, readOnly, mountPropagation = "None" }: VolumeMount,
  path: FieldPath,
  { problems }: PodContext,
): void {
  const here = path.child("recursiveReadOnly");
  checkWord(recursiveReadOnly, ["Disabled", "Enabled", "IfPossible"], here, problems);
  if (recursiveReadOnly !== "Enabled" && recursiveReadOnly !== "IfPossible") return;
  if (readOnly !== true) problems.forbidden(here, "must not be set unless readOnly is true");
  if (mountPropagation !== "None")
    problems.forbidden(here, "must not be set together with a mountPropagation other than None");
}
