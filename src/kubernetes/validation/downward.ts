import { annotationKey, labelKey } from "../../pods/index.js";
import type { ObjectFieldSelector, ResourceFieldSelector } from "../api/index.js";
import { tryParseQuantity } from "../defaults/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkGiven, checkWord } from "./checks.js";
import type { PodContext } from "./pod-context.js";

const envFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const fileFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "metadata.labels",
  "metadata.annotations",
];
const resources = ["cpu", "memory", "ephemeral-storage"].flatMap((name) => [
  `limits.${name}`,
  `requests.${name}`,
]);
const cpuDivisors = ["1m", "1"];
const byteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/** Reports a field of the Pod that cannot be a variable, or a file of a volume. */
export function checkFieldRef(
  { apiVersion, fieldPath }: ObjectFieldSelector,
  use: "env" | "file",
  path: FieldPath,
  problems: FieldProblems,
): void {
  checkWord(apiVersion, ["v1"], path.child("apiVersion"), problems);
  if (!checkGiven(fieldPath, path.child("fieldPath"), problems)) return;
  const [, map, key] = /^metadata\.(labels|annotations)\['(.*)'\]$/s.exec(fieldPath) ?? [];
  const allowed = use === "env" ? envFields : fileFields;
  if (map === undefined || key === undefined) {
    checkWord(
      fieldPath,
      [...allowed, "metadata.labels['KEY']", "metadata.annotations['KEY']"],
      path.child("fieldPath"),
      problems,
    );
    return;
  }
  const wrong = map === "labels" ? labelKey(key) : annotationKey(key);
  if (wrong !== undefined) problems.invalid(path.child("fieldPath"), fieldPath, `the key ${wrong}`);
}

/** Reports a request or limit that cannot be a variable, or a file of a volume, which must name its container. */
export function checkResourceFieldRef(
  { containerName, divisor, resource }: ResourceFieldSelector,
  use: "env" | "file",
  path: FieldPath,
  { spec, problems }: PodContext,
): void {
  if (use === "file") checkGiven(containerName, path.child("containerName"), problems);
  const names = [...spec.containers, ...spec.initContainers, ...spec.ephemeralContainers].map(
    ({ name }) => name,
  );
  if (containerName && !names.includes(containerName))
    problems.notFound(path.child("containerName"), containerName);
  if (!checkGiven(resource, path.child("resource"), problems)) return;
  const isHugePages = /^(?:limits|requests)\.hugepages-/.test(resource);
  if (!isHugePages)
    checkWord(resource, [...resources, "limits.hugepages-SIZE"], path.child("resource"), problems);
  const amount = divisor === undefined ? undefined : tryParseQuantity(divisor);
  // 0 is what an API server writes for none.
  if (amount === undefined || amount.nanos === 0n) return;
  const allowed = resource.endsWith(".cpu") ? cpuDivisors : byteDivisors;
  if (!allowed.some((one) => tryParseQuantity(one)?.compare(amount) === 0))
    problems.unsupported(path.child("divisor"), String(divisor), allowed);
}
