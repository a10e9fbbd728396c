import { checkArgument, isRecord, option } from "../../core/index.js";
import type { ParsedText } from "../../yaml-text/index.js";
import type { ConfigMap, ObjectMeta, Pod, Secret } from "../api/index.js";
import {
  configMapType,
  FieldPath,
  FieldProblems,
  podTemplateType,
  podType,
  readValue,
  secretType,
  type ValueType,
} from "../schema/index.js";
import { checkConfigMap, readSecret } from "./config-objects.js";
import { manifestError, type PlacedProblem } from "./manifest-error.js";
import type { ManifestNotice, ManifestObject, ManifestPlace, ParsedManifests } from "./parsed-manifests.js";
import { checkWorkload, podOfWorkload, type WorkloadKind, workloadType } from "./workloads.js";

const stepsCheck = option.listOf<string | number>(option.either(option.string, option.wholeNumber(0)));

/** An object of a document, before it is read. */
interface RawObject {
  readonly value: unknown;
  readonly kind: string;
  readonly path: FieldPath;
  readonly document: DocumentReader;
}

/** How an object of a kind is read. */
interface KindReader {
  readonly apiVersion: string;
  readonly read: (reader: ManifestReader, object: RawObject) => void;
}

const workload = (apiVersion: string): KindReader => ({
  apiVersion,
  read: (reader, object) => reader.addWorkload(object),
});

/** The kinds that manifests may have; a list of each kind is one, too. */
const kinds: Readonly<Record<string, KindReader>> = {
  Pod: { apiVersion: "v1", read: (reader, object) => reader.addPod(object) },
  PodTemplate: { apiVersion: "v1", read: (reader, object) => reader.addPodTemplate(object) },
  ConfigMap: { apiVersion: "v1", read: (reader, object) => reader.addConfigMap(object) },
  Secret: { apiVersion: "v1", read: (reader, object) => reader.addSecret(object) },
  Deployment: workload("apps/v1"),
  ReplicaSet: workload("apps/v1"),
  StatefulSet: workload("apps/v1"),
  DaemonSet: workload("apps/v1"),
  Job: workload("batch/v1"),
};

/** Collects the objects of documents, and the problems with them. */
export class ManifestReader {
  readonly #source: string;
  readonly #pods: ManifestObject<Pod>[] = [];
  readonly #configMaps: ManifestObject<ConfigMap>[] = [];
  readonly #secrets: ManifestObject<Secret>[] = [];
  readonly #notices: ManifestNotice[] = [];
  readonly #problems: PlacedProblem[] = [];
  readonly #names = new Set<string>();

  constructor(source: string) {
    this.#source = source;
  }

  read(parsed: ParsedText): void {
    for (const { path: _, location, ...problem } of parsed.problems)
      this.#problems.push({ ...problem, path: "", place: { source: this.#source, ...location } });
    if (parsed.problems.length > 0) return;
    // An empty document, such as before the first `---`.
    if (parsed.value === null || parsed.value === undefined) return;
    const document = new DocumentReader(parsed, this.#source);
    this.#readObject(parsed.value, undefined, FieldPath.root, document);
    this.#problems.push(...document.placedProblems());
  }

  /** Returns the objects, or throws all problems. */
  finish(): ParsedManifests {
    if (this.#problems.length > 0) throw manifestError(this.#source, this.#problems);
    return {
      pods: this.#pods,
      configMaps: this.#configMaps,
      secrets: this.#secrets,
      notices: this.#notices,
    };
  }

  addPod(raw: RawObject): void {
    const pod = this.#typed(podType, raw);
    if (pod) this.#pods.push(this.#object(raw, pod, (steps) => steps));
  }

  addPodTemplate(raw: RawObject): void {
    const object = this.#typed(podTemplateType, raw);
    if (!object) return;
    const { metadata, template } = object;
    if (!metadata?.name) raw.document.problems.required(raw.path.child("metadata").child("name"));
    if (!template?.spec) raw.document.problems.required(raw.path.child("template").child("spec"));
    if (!metadata?.name || !template?.spec) return;
    const namespace = metadata.namespace ?? template.metadata?.namespace;
    const name = template.metadata?.name ?? metadata.name;
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...template.metadata, name, ...(namespace !== undefined && { namespace }) },
      spec: template.spec,
    };
    this.#pods.push(this.#object(raw, pod, (steps) => ["template", ...steps]));
  }

  addWorkload(raw: RawObject): void {
    // Only kinds of workloads have this reader.
    const kind = raw.kind as WorkloadKind;
    const object = this.#typed(workloadType(kind), raw);
    if (!object) return;
    const { problems } = raw.document;
    const before = problems.list.length;
    checkWorkload(kind, object, raw.path, problems);
    if (problems.list.length > before) return;
    const { pod, notice } = podOfWorkload(kind, object);
    this.#notices.push({ message: notice, place: raw.document.placeOf(raw.path.steps) });
    if (pod) this.#pods.push(this.#object(raw, pod, (steps) => ["spec", "template", ...steps]));
  }

  addConfigMap(raw: RawObject): void {
    const object = this.#typed(configMapType, raw);
    if (!object) return;
    checkConfigMap(object, raw.path, raw.document.problems);
    this.#configMaps.push(this.#object(raw, inNamespace(object), (steps) => steps));
  }

  addSecret(raw: RawObject): void {
    const object = this.#typed(secretType, raw);
    if (!object) return;
    const secret = readSecret(object, raw.path, raw.document.problems);
    this.#secrets.push(this.#object(raw, inNamespace(secret), (steps) => steps));
  }

  /** Reads an object by its kind, or the items of a list. `listed` is the kind of the items of a typed list, which may omit it. */
  #readObject(value: unknown, listed: string | undefined, path: FieldPath, document: DocumentReader): void {
    const { problems } = document;
    if (!isRecord(value)) {
      problems.invalid(path, value, "must be an object with apiVersion and kind");
      return;
    }
    const kind = value.kind ?? listed;
    const apiVersion = value.apiVersion ?? (listed && kinds[listed]?.apiVersion);
    if (kind === undefined || kind === null) problems.required(path.child("kind"));
    if (apiVersion === undefined || apiVersion === null) problems.required(path.child("apiVersion"));
    if (!kind || !apiVersion) return;
    const item = typeof kind === "string" ? kind.replace(/List$/, "") : "";
    if (
      kind === "List" ||
      (typeof kind === "string" && kind.endsWith("List") && Object.hasOwn(kinds, item))
    ) {
      this.#readList(value, item === "" ? undefined : item, path, document);
      return;
    }
    const reader = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (typeof kind !== "string" || reader === undefined) {
      problems.unsupported(path.child("kind"), kind, [...Object.keys(kinds), "List"]);
      return;
    }
    if (apiVersion !== reader.apiVersion) {
      problems.unsupported(path.child("apiVersion"), apiVersion, [reader.apiVersion]);
      return;
    }
    const before = problems.list.length;
    const raw = { value, kind, path, document };
    reader.read(this, raw);
    if (problems.list.length === before) this.#checkUnique(raw, value.metadata);
  }

  #readList(
    value: Readonly<Record<string, unknown>>,
    listed: string | undefined,
    path: FieldPath,
    document: DocumentReader,
  ): void {
    const { problems } = document;
    const version = listed === undefined ? "v1" : (kinds[listed]?.apiVersion ?? "v1");
    if (value.apiVersion !== undefined && value.apiVersion !== version)
      problems.unsupported(path.child("apiVersion"), value.apiVersion, [version]);
    for (const field of Object.keys(value))
      if (!["apiVersion", "kind", "metadata", "items"].includes(field))
        problems.unknown(path.child(field), `${JSON.stringify(field)} is not a field of a list`);
    const { items } = value;
    if (items === undefined || items === null) return;
    if (!Array.isArray(items)) problems.invalid(path.child("items"), items, "must be a list");
    else
      for (const [index, one] of (items as unknown[]).entries())
        this.#readObject(one, listed, path.child("items").index(index), document);
  }

  #typed<T>(type: ValueType<T>, { value, path, document }: RawObject): T | undefined {
    const before = document.problems.list.length;
    const object = readValue(type, value, path, document.problems);
    return document.problems.list.length === before ? object : undefined;
  }

  #object<T>(
    raw: RawObject,
    object: T,
    prefixed: (steps: readonly (string | number)[]) => readonly (string | number)[],
  ): ManifestObject<T> {
    const base = raw.path.steps;
    return {
      object,
      kind: raw.kind,
      place: raw.document.placeOf(base),
      placeOf: (steps) => {
        checkArgument("placeOf", "steps", steps, stepsCheck);
        return raw.document.placeOf([...base, ...prefixed(steps)]);
      },
    };
  }

  #checkUnique({ kind, path, document }: RawObject, metadata: unknown): void {
    const { name, namespace = "default" } = isRecord(metadata) ? metadata : {};
    if (typeof name !== "string") return;
    const identity = JSON.stringify([kind, namespace, name]);
    if (this.#names.has(identity)) document.problems.duplicate(path.child("metadata").child("name"), name);
    this.#names.add(identity);
  }
}

/** A document with the problems of its objects. */
class DocumentReader {
  readonly problems = new FieldProblems();
  readonly #parsed: ParsedText;
  readonly #source: string;

  constructor(parsed: ParsedText, source: string) {
    this.#parsed = parsed;
    this.#source = source;
  }

  /** Returns the place of a value or a key, or of the closest one around it that is in the text. */
  placeOf(steps: readonly (string | number)[], isKey = false): ManifestPlace {
    for (let length = steps.length; length > 0; length--) {
      const location = this.#parsed.locate(steps.slice(0, length), isKey && length === steps.length);
      if (location) return { source: this.#source, ...location };
    }
    return { source: this.#source, ...(this.#parsed.locate([]) ?? { line: 1, column: 1 }) };
  }

  placedProblems(): readonly PlacedProblem[] {
    return this.problems.list.map(({ path, message, kind, steps, ...rest }) => ({
      path,
      message,
      ...rest,
      place: this.placeOf(steps, kind === "unknown" || kind === "forbidden"),
    }));
  }
}

/** ConfigMaps and Secrets are looked up in the namespace of a Pod, which is "default" unless the Pod says otherwise. */
function inNamespace<T extends { readonly metadata?: ObjectMeta }>(object: T): T {
  return { ...object, metadata: { ...object.metadata, namespace: object.metadata?.namespace || "default" } };
}
