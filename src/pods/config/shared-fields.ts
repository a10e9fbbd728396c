// Fields that pod and container specs share: labels, annotations, log paths, the Windows message.
import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import { checkArgument, describe, option } from "../../core/index.js";
import { type Fields, problemOf, readString, type StringRule } from "./fields.js";
import type { ContainerSpec } from "./spec-container.js";
import type { PodSpec } from "./spec-pod.js";
import { annotationKey, hostPath, labelKey, labelValue, relativePath } from "./string-rules.js";

type StringMap = Record<string, string>;

interface Labeled {
  readonly labels?: Readonly<StringMap> | undefined;
  readonly annotations?: Readonly<StringMap> | undefined;
}

/**
 * Reads a spec's labels and adds those that the kubelet sets, by which other tools find the pod. A spec may not set these to another
 * value.
 */
export function readLabels(fields: Fields<Labeled>, kubeletLabels: Readonly<StringMap>): StringMap {
  const labels = readStringMap(fields, "labels", labelKey, labelValue);
  for (const [key, value] of Object.entries(kubeletLabels)) {
    const given = labels[key];
    if (given !== undefined && given !== value)
      fields.violations.addValue(
        `labels[${JSON.stringify(key)}]`,
        `is set by this package and must be ${describe(value)} or omitted`,
        given,
      );
  }
  return { ...labels, ...kubeletLabels };
}

export function readAnnotations(fields: Fields<Labeled>): StringMap {
  return readStringMap(fields, "annotations", annotationKey);
}

function readStringMap(
  fields: Fields<Labeled>,
  field: keyof Labeled,
  keyRule: StringRule,
  valueRule?: StringRule,
): StringMap {
  const read = fields.entries(field, (key, value, path) => {
    const problem = problemOf(key, keyRule);
    if (problem === undefined) return readString(value, path, fields.violations, valueRule);
    fields.violations.addValue(path, `has an invalid key: it ${problem}`, key);
    return undefined;
  });
  return Object.fromEntries(read);
}

/** The directory of pod logs that the kubelet uses and log collectors read. */
export const defaultLogRoot = "/var/log/pods";
/** The limit of Linux filesystems. */
const maxFileNameLength = 255;

/** The parts of a log directory's name. */
export interface PodIdentity {
  /** PodSandboxMetadata.namespace. */
  readonly namespace: string;
  /** PodSandboxMetadata.name. */
  readonly name: string;
  /** PodSandboxMetadata.uid. */
  readonly uid: string;
}

/** Returns the directory of a pod's logs as the kubelet names it: `<logRoot>/<namespace>_<name>_<uid>`. */
export function podLogDirectory(logRoot: string, pod: PodIdentity): string {
  checkArgument("podLogDirectory", "logRoot", logRoot, option.string);
  checkArgument("podLogDirectory", "pod", pod, (value) =>
    [value?.namespace, value?.name, value?.uid].every((one) => typeof one === "string")
      ? undefined
      : "must be an object with namespace, name and uid",
  );
  const { namespace, name, uid } = pod;
  return `${logRoot.replace(/[\\/]+$/, "")}/${namespace}_${name}_${uid}`;
}

/** Reads PodSandboxConfig.log_directory; "" for no logs. */
export function readLogDirectory(fields: Fields<PodSpec>, pod: PodIdentity, logRoot: string): string {
  if (fields.raw("logDirectory") === false) return "";
  const given = fields.string("logDirectory", hostPath);
  if (fields.has("logDirectory")) return given ?? "";
  const { length } = [pod.namespace, pod.name, pod.uid].join("_");
  if (length > maxFileNameLength)
    fields.violations.add(
      "logDirectory",
      `is required: the default name has ${length} characters, and a directory name at most ${maxFileNameLength}`,
    );
  return podLogDirectory(logRoot, pod);
}

/** Reads ContainerConfig.log_path; "" for no log. */
export function readLogPath(
  fields: Fields<ContainerSpec>,
  { logDirectory }: PodSandboxConfig,
  name: string,
  attempt: number,
): string {
  if (fields.raw("logPath") === false) return "";
  const given = fields.string("logPath", relativePath);
  if (!fields.has("logPath")) return logDirectory === "" ? "" : `${name}/${attempt}.log`;
  if (logDirectory === "") fields.addProblem("logPath", "cannot be set: the pod has no log directory");
  return given ?? "";
}

/** Reads a Windows message, which specs pass through. Checks only that protobuf can encode it. */
export function readWindows<D extends DescMessage>(
  fields: Fields<{ readonly windows?: object | undefined }>,
  schema: D,
): MessageShape<D> | undefined {
  const value = fields.raw("windows");
  if (value === undefined) return undefined;
  const reject = () => fields.addProblem("windows", `must be a ${schema.name}`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return reject();
  try {
    // toBinary checks at run time what the cast claims.
    const message = create(schema, value as Parameters<typeof create<D>>[1]);
    toBinary(schema, message);
    return message;
  } catch {
    return reject();
  }
}
