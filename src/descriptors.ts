// The functions that the code in gen/ calls: descriptors that are decoded when one of their properties is first read. Decoding all
// of CRI costs about 50 ms of CPU, half of what importing @grpc/grpc-js costs, so importing a schema must not do it.
import type { DescEnum, DescFile, DescMessage, DescService } from "@bufbuild/protobuf";
import {
  fileDesc as decodeFile,
  type enumDesc as enumDescType,
  type messageDesc as messageDescType,
  type serviceDesc as serviceDescType,
} from "@bufbuild/protobuf/codegenv2";
import { nestedTypes } from "@bufbuild/protobuf/reflect";

export type { GenEnum, GenFile, GenMessage, GenService } from "@bufbuild/protobuf/codegenv2";

type Descriptor = DescFile | DescEnum | DescMessage | DescService;

const files = new WeakMap<object, UndecodedFile>();

/** Returns the descriptor of a file. */
export const fileDesc: typeof decodeFile = (base64, imports) => {
  const file = new UndecodedFile(() => decodeFile(base64, imports));
  const placeholder = file.add((decoded) => decoded) as DescFile;
  files.set(placeholder, file);
  return placeholder;
};

/** Returns the descriptor of a message: the index of its outermost message in the file, then the nested indexes. */
export const messageDesc = ((file, ...path) =>
  files.get(file)?.add((decoded) => messageAt(decoded, path))) as typeof messageDescType;

/** Returns the descriptor of an enum: its index in the file, after the indexes of the messages around it. */
export const enumDesc = ((file, ...path) =>
  files.get(file)?.add((decoded) => {
    const [outer, index = 0] = [path.slice(0, -1), path.at(-1)];
    return (outer.length === 0 ? decoded.enums : messageAt(decoded, outer)?.nestedEnums)?.[index];
  })) as typeof enumDescType;

/** Returns the descriptor of a service: its index in the file. */
export const serviceDesc = ((file, index) =>
  files.get(file)?.add(({ services }) => services[index])) as typeof serviceDescType;

function messageAt(
  { messages }: DescFile,
  [first = 0, ...nested]: readonly number[],
): DescMessage | undefined {
  return nested.reduce<DescMessage | undefined>((outer, i) => outer?.nestedMessages[i], messages[first]);
}

/** The properties of files, messages, enums and services. */
const properties = [
  ...[
    "kind",
    "proto",
    "deprecated",
    "name",
    "typeName",
    "file",
    "parent",
    "toString",
    "edition",
    "dependencies",
  ],
  ...["messages", "enums", "extensions", "services", "nestedMessages", "nestedEnums", "nestedExtensions"],
  ...["fields", "field", "oneofs", "members", "values", "value", "open", "sharedPrefix", "methods", "method"],
];

/** A file and its placeholders: objects without own properties, which become descriptors in place. */
class UndecodedFile {
  readonly #decode: () => DescFile;
  readonly #placeholders = new Map<object, (decoded: DescFile) => Descriptor | undefined>();
  readonly #prototype: object;

  constructor(decode: () => DescFile) {
    this.#decode = decode;
    const becomeDescriptors = () => this.#becomeDescriptors();
    const accessor = (name: string): PropertyDescriptor => ({
      get(this: object): unknown {
        becomeDescriptors();
        return Reflect.get(this, name);
      },
    });
    const accessors = properties.map((name) => [name, accessor(name)]);
    this.#prototype = Object.create(Object.prototype, Object.fromEntries(accessors));
  }

  add(locate: (decoded: DescFile) => Descriptor | undefined): object {
    const placeholder: object = Object.create(this.#prototype);
    this.#placeholders.set(placeholder, locate);
    return placeholder;
  }

  #becomeDescriptors(): void {
    const decoded = this.#decode();
    const replacements = new Map<unknown, object>();
    for (const [placeholder, locate] of this.#placeholders) replacements.set(locate(decoded), placeholder);
    for (const descriptor of [decoded, ...nestedTypes(decoded)]) replaceReferences(descriptor, replacements);
    for (const [descriptor, placeholder] of replacements) {
      Object.setPrototypeOf(placeholder, Object.prototype);
      Object.defineProperties(placeholder, Object.getOwnPropertyDescriptors(descriptor as Descriptor));
    }
  }
}

/** Replaces what a descriptor, and those of its fields, values and methods, refer to. */
function replaceReferences(descriptor: object, replacements: ReadonlyMap<unknown, object>): void {
  for (const [name, value] of Object.entries(descriptor)) {
    if (replacements.has(value)) Reflect.set(descriptor, name, replacements.get(value));
    else if (Array.isArray(value)) {
      for (const [i, item] of value.entries())
        if (replacements.has(item)) value[i] = replacements.get(item);
        else if (name !== "dependencies") replaceReferences(item, replacements);
    }
  }
}
