import type { ConfigMap, Secret } from "../api/index.js";
import { StartError, type WaitingReason } from "../start-error.js";
import type { PodInputs } from "./pod-inputs.js";
import type { PodView } from "./pod-view.js";

/** The kinds of objects that hold data. */
export type DataKind = "ConfigMap" | "Secret";

/** A reference to an object, from a field. */
export interface DataReference {
  readonly kind: DataKind;
  readonly name: string | undefined;
  readonly optional: boolean | undefined;
  /** The path of the field, for errors. */
  readonly path: string;
  /** The reason of errors: that of containers, or of volumes. */
  readonly reason: WaitingReason;
  /** Whether the keys of `binaryData` count, too: files have them, variables do not. */
  readonly binaryData: boolean;
}

/**
 * Returns the data of a ConfigMap or Secret as bytes by key, sorted by key. Undefined when it is missing and optional.
 *
 * @throws StartError when it is missing, or its base64 is invalid
 */
export function dataOf(
  view: PodView,
  inputs: PodInputs,
  { kind, name, optional, path, reason, binaryData }: DataReference,
): ReadonlyMap<string, Uint8Array> | undefined {
  const objects: readonly (ConfigMap | Secret)[] =
    (kind === "ConfigMap" ? inputs.configMaps : inputs.secrets) ?? [];
  const found = objects.find(
    ({ metadata }) => metadata?.name === name && (metadata?.namespace ?? view.namespace) === view.namespace,
  );
  if (found === undefined) {
    if (optional) return undefined;
    throw new StartError(reason, `${kind.toLowerCase()} "${name}" not found`, { hint: neededBy(path) });
  }
  const what = (key: string) => `${path}: ${kind} ${JSON.stringify(name)}, key ${JSON.stringify(key)}`;
  const decoders: Decoders = {
    text: (key, text) => Buffer.from(checkString(text, what(key), reason)),
    base64: (key, text) => fromBase64(checkString(text, what(key), reason), what(key), reason),
  };
  return kind === "ConfigMap" ? configMapData(found, decoders, binaryData) : secretData(found, decoders);
}

/** Returns the value of a key; undefined when the object or the key is missing and optional. */
export function keyOf(
  view: PodView,
  inputs: PodInputs,
  reference: DataReference & { readonly key: string },
): Uint8Array | undefined {
  const data = dataOf(view, inputs, reference);
  const value = data?.get(reference.key);
  if (value !== undefined || data === undefined || reference.optional) return value;
  const { path, kind, name, key, reason } = reference;
  throw new StartError(reason, `couldn't find key ${key} in ${kind} ${view.namespace}/${name}`, {
    hint: neededBy(path),
  });
}

/** The hint about what is missing: the text itself is that of the kubelet, which names no field. */
export function neededBy(path: string): string {
  return `Create it, or change ${path}`;
}

/** Decode the values of an object. They throw a {@link StartError} for a value of another type, which programs may pass. */
type Decoders = Readonly<Record<"text" | "base64", (key: string, value: string) => Uint8Array>>;

function configMapData(
  { data, binaryData }: ConfigMap,
  { text, base64 }: Decoders,
  withBinaryData: boolean,
): Map<string, Uint8Array> {
  return sorted([...decoded(data, text), ...(withBinaryData ? decoded(binaryData, base64) : [])]);
}

function secretData({ data, stringData }: Secret, { text, base64 }: Decoders): Map<string, Uint8Array> {
  return sorted([...decoded(data, base64), ...decoded(stringData, text)]);
}

function decoded(data: Readonly<Record<string, string>> | undefined, decode: Decoders["text"]) {
  return Object.entries(data ?? {}).map(([key, value]) => [key, decode(key, value)] as const);
}

function sorted(entries: (readonly [string, Uint8Array])[]): Map<string, Uint8Array> {
  const byKey = new Map(entries);
  return new Map([...byKey].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The error does not show the value: it may be a secret. */
function checkString(value: unknown, what: string, reason: WaitingReason): string {
  if (typeof value === "string") return value;
  throw new StartError(reason, `${what}: must be a string, got a value of type ${typeof value}`);
}

/** Decodes standard base64. The error does not show the value: it may be a secret. */
function fromBase64(text: string, what: string, reason: WaitingReason): Uint8Array {
  const plain = text.replace(/[\r\n]/g, "");
  const isBase64 = plain.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(plain);
  if (!isBase64) throw new StartError(reason, `${what}: must be base64`);
  return Buffer.from(plain, "base64");
}
