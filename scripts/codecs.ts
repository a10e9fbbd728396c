// Writes gen/runtime/v1/api_codecs.ts: decoders and encoders without reflection, for the messages of the RPCs that are frequent or have
// large messages. The types come from the descriptors of gen/. With --check it only reports whether the file is up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../gen/runtime/v1/api_pb.js";

// In the checkout, also when the script runs from a build of it.
const path = resolve("gen/runtime/v1/api_codecs.ts");

const { method: runtime } = RuntimeService;
const { method: image } = ImageService;
/** The RPCs that clients poll or that answer with large messages. For the others, protobuf-es is fast enough. */
const rpcs = [
  runtime.version,
  runtime.status,
  runtime.listPodSandbox,
  runtime.streamPodSandboxes,
  runtime.podSandboxStatus,
  runtime.listContainers,
  runtime.streamContainers,
  runtime.containerStatus,
  runtime.containerStats,
  runtime.listContainerStats,
  runtime.streamContainerStats,
  runtime.podSandboxStats,
  runtime.listPodSandboxStats,
  runtime.streamPodSandboxStats,
  runtime.listPodSandboxMetrics,
  runtime.streamPodSandboxMetrics,
  runtime.getContainerEvents,
  image.listImages,
  image.streamImages,
  image.imageStatus,
  image.imageFsInfo,
];

/** The functions of WireReader and WireWriter for a scalar, the initial value of a field, and the wire type. */
const scalars = new Map<
  ScalarType,
  { readonly name: string; readonly initial: string; readonly wire: number }
>([
  [ScalarType.STRING, { name: "string", initial: '""', wire: 2 }],
  [ScalarType.BYTES, { name: "bytes", initial: "new Uint8Array(0)", wire: 2 }],
  [ScalarType.BOOL, { name: "bool", initial: "false", wire: 0 }],
  [ScalarType.INT32, { name: "int32", initial: "0", wire: 0 }],
  [ScalarType.UINT32, { name: "uint32", initial: "0", wire: 0 }],
  [ScalarType.INT64, { name: "int64", initial: "0n", wire: 0 }],
  [ScalarType.UINT64, { name: "uint64", initial: "0n", wire: 0 }],
  [ScalarType.DOUBLE, { name: "double", initial: "0", wire: 1 }],
]);
const packed: readonly ScalarType[] = [ScalarType.INT32, ScalarType.INT64];

/** Returns the TypeScript name of a message, without the package. */
function typeOf({ typeName }: DescMessage): string {
  return typeName.replace("runtime.v1.", "").replaceAll(".", "_");
}

/** Messages that only nodes on Windows have are left to protobuf-es. */
function isRare(message: DescMessage): boolean {
  return typeOf(message).startsWith("Windows");
}

/** Returns the messages and all that they contain, in the order of their names. */
function withNested(roots: readonly DescMessage[]): DescMessage[] {
  const found = new Set<DescMessage>();
  const visit = (message: DescMessage): void => {
    if (found.has(message)) return;
    found.add(message);
    for (const { message: nested } of message.fields) if (nested && !isRare(nested)) visit(nested);
  };
  for (const root of roots) visit(root);
  return [...found].sort(byName);
}

function byName(a: DescMessage, b: DescMessage): number {
  return typeOf(a) < typeOf(b) ? -1 : 1;
}

/** CRI uses a part of protobuf. What it does not use, this file does not support. */
function unsupported(field: DescField): never {
  throw new Error(`${field}: scripts/codecs.ts does not support this kind of field`);
}

function scalarOf(field: DescField & { readonly scalar: ScalarType }) {
  return scalars.get(field.scalar) ?? unsupported(field);
}

/** Returns the function for the numbers of a repeated field. */
function packedName(field: DescField & { readonly fieldKind: "list" }): string {
  if (field.listKind === "enum") return "int32s";
  if (field.listKind !== "scalar" || !field.packed || !packed.includes(field.scalar)) unsupported(field);
  return `${scalarOf(field).name}s`;
}

function isStrings(field: DescField): boolean {
  return field.fieldKind === "list" && field.listKind === "scalar" && field.scalar === ScalarType.STRING;
}

function check(field: DescField): void {
  const hasPresence = field.presence !== 2 && field.fieldKind !== "message";
  if (field.oneof || hasPresence || (field.fieldKind === "scalar" && field.longAsString)) unsupported(field);
  if ("delimitedEncoding" in field && field.delimitedEncoding) unsupported(field);
  if (field.fieldKind === "enum" && !field.enum.open) unsupported(field);
  const isStringMap = field.fieldKind === "map" && field.mapKind === "scalar";
  if (field.fieldKind === "map" && !(isStringMap && field.scalar === ScalarType.STRING)) unsupported(field);
  if (field.fieldKind === "map" && field.mapKey !== ScalarType.STRING) unsupported(field);
}

/** Returns the initial value of a field, as create() sets it; nothing for messages. */
function initialOf(field: DescField): string | undefined {
  if (field.fieldKind === "message") return undefined;
  if (field.fieldKind === "list") return "[]";
  if (field.fieldKind === "map") return "{}";
  return field.fieldKind === "enum" ? "0" : scalarOf(field).initial;
}

function readField(field: DescField): string {
  const target = `m.${field.localName}`;
  if (field.fieldKind === "message")
    return isRare(field.message)
      ? `${target} = r.other(${typeOf(field.message)}Schema, ${target})`
      : `${target} = read${typeOf(field.message)}(r, ${target})`;
  if (field.fieldKind === "map") return `r.entry(${target})`;
  if (field.fieldKind === "enum") return `${target} = r.int32()`;
  if (field.fieldKind === "scalar") return `${target} = r.${scalarOf(field).name}()`;
  if (field.listKind === "message") return `${target}.push(read${typeOf(field.message)}(r))`;
  return isStrings(field) ? `${target}.push(r.string())` : `r.${packedName(field)}(tag, ${target})`;
}

function writeField(field: DescField): string {
  const value = `m.${field.localName}`;
  const tag = (wire: number) => (field.number << 3) | wire;
  const nested = (message: DescMessage, item: string) =>
    isRare(message)
      ? `w.other(${tag(2)}, ${typeOf(message)}Schema, ${item});`
      : `write${typeOf(message)}(w, ${tag(2)}, ${item});`;
  if (field.fieldKind === "message") return nested(field.message, value);
  if (field.fieldKind === "map") return `w.map(${tag(2)}, ${value});`;
  if (field.fieldKind === "enum") return `w.int32(${tag(0)}, ${value});`;
  if (field.fieldKind === "scalar") {
    const { name, wire } = scalarOf(field);
    return `w.${name}(${tag(wire)}, ${value});`;
  }
  if (field.listKind === "message")
    return `for (const item of w.list(${value})) ${nested(field.message, "item")}`;
  return isStrings(field)
    ? `w.strings(${tag(2)}, ${value});`
    : `w.${packedName(field)}(${tag(2)}, ${value});`;
}

function readerOf(message: DescMessage): string {
  const type = typeOf(message);
  const initial = message.fields.flatMap((field) => {
    const value = initialOf(field);
    return value === undefined ? [] : [`    ${field.localName}: ${value},\n`];
  });
  const reads = message.fields.map((field) => `      case ${field.number}: ${readField(field)}; break;\n`);
  return `
function read${type}(
  r: WireReader,
  m: ${type} = {
    $typeName: "${message.typeName}",
${initial.join("")}  },
): ${type} {
  const end = r.begin();
  let unknown = m.$unknown;
  while (r.pos < end) {
    const tag = r.tag();
    switch (tag >>> 3) {
${reads.join("")}      default: (unknown ??= []).push(r.unknown(tag));
    }
  }
  return r.end(m, unknown);
}
`;
}

function writerOf(message: DescMessage): string {
  const writes = message.fields
    .toSorted((a, b) => a.number - b.number)
    .map((field) => `  ${writeField(field)}\n`);
  return `
function write${typeOf(message)}(w: WireWriter, tag: number, m: ${typeOf(message)} | undefined): void {
  if (m === undefined) return;
  const start = w.begin(tag, "${message.typeName}", m);
${writes.join("")}  w.end(start, m.$unknown);
}
`;
}

function codecsFile(): string {
  const requests = new Set<DescMessage>(rpcs.map(({ input }) => input));
  const responses = new Set<DescMessage>(rpcs.map(({ output }) => output));
  const roots = [...requests, ...responses].sort(byName);
  const [read, written] = [withNested([...responses]), withNested(roots)];
  for (const { fields } of written) fields.forEach(check);
  const nested = written.flatMap(({ fields }) => fields.flatMap(({ message }) => message ?? []));
  const schemas = [...roots, ...new Set(nested.filter(isRare))].sort(byName);
  const entries = roots.map((message) => {
    const reader = responses.has(message) ? `read${typeOf(message)}` : "undefined";
    return `  [${typeOf(message)}Schema, [${reader}, write${typeOf(message)}]],\n`;
  });
  return `// Decoders and encoders of frequent and large messages, for the functions in src/transport/codecs.ts.
// @generated by scripts/codecs.ts from the descriptors in api_pb.ts: run \`npm run generate\`, do not edit.

import type { DescMessage } from "@bufbuild/protobuf";
import type { WireReader } from "../../../src/wire-reader.js";
import type { WireWriter } from "../../../src/wire-writer.js";
import {
${written.map((message) => `  type ${typeOf(message)},\n`).join("")}${schemas.map((message) => `  ${typeOf(message)}Schema,\n`).join("")}} from "./api_pb.js";

/** Reads a message. */
export type Read = (r: WireReader) => unknown;
/** Writes a message of the type of its schema as a field with this tag, or, with tag 0, as the outermost message. */
export type Write = (w: WireWriter, tag: number, m: never) => void;

/** The decoder of each response, and the encoder of each request and response that has some. */
export const codecs: ReadonlyMap<DescMessage, readonly [Read | undefined, Write]> = /*@__PURE__*/ new Map<
  DescMessage,
  readonly [Read | undefined, Write]
>([
${entries.join("")}]);
${read.map(readerOf).join("")}${written.map(writerOf).join("")}`;
}

const wanted = codecsFile();
if (!process.argv.includes("--check")) writeFileSync(path, wanted);
else if (readFileSync(path, "utf8") !== wanted) {
  console.error("gen/runtime/v1/api_codecs.ts is stale: run `npm run generate` and commit the result");
  process.exitCode = 1;
}
