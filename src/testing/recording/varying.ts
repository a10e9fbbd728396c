import type { DescMessage, Message } from "@bufbuild/protobuf";
import { file_runtime_v1_api } from "../../../gen/runtime/v1/api_pb.js";
import type { OptionCheck } from "../../core/index.js";
import { isStringField, replaceStrings, visitFields } from "./message-fields.js";

/** The fields that this package, or a temporary folder of a test, fills with other values in each run. */
const defaultFields = [
  "runtime.v1.PodSandboxMetadata.uid",
  "runtime.v1.PodSandboxConfig.log_directory",
  "runtime.v1.LinuxPodSandboxConfig.cgroup_parent",
  'runtime.v1.PodSandboxConfig.annotations["cri-sdk/owner-process"]',
  'runtime.v1.ContainerConfig.annotations["cri-sdk/owner-process"]',
];

/** A field of type string, or one key of a map of strings. */
const fieldPattern = /^(?<type>[\w.]+)\.(?<field>\w+)(?:\["(?<key>.*)"\])?$/;

/** Checks the name of a varying field. */
export const varyingField: OptionCheck<string> = (name) => {
  const { type, field, key } = fieldPattern.exec(String(name))?.groups ?? {};
  const found = file_runtime_v1_api.messages
    .find(({ typeName }) => typeName === type)
    ?.fields.find((one) => one.name === field);
  const isKnown = found && isStringField(found) && (found.fieldKind === "map") === (key !== undefined);
  return isKnown
    ? undefined
    : 'must be a string field of CRI\'s schema, such as runtime.v1.PodSandboxMetadata.uid or runtime.v1.PodSandboxConfig.labels["run"]';
};

/** A value in the recording, and the one in its place now. */
export type Replacement = readonly [recorded: string, current: string];

/** Finds the values of the fields that differ from run to run. */
export class VaryingFields {
  readonly #names: ReadonlySet<string>;

  constructor(more: readonly string[]) {
    this.#names = new Set([...defaultFields, ...more]);
  }

  /** Returns the values in which two requests of an RPC differ, of these fields only. */
  replacements(schema: DescMessage, recorded: Message, current: Message): Replacement[] {
    const [before, now] = [this.#values(schema, recorded), this.#values(schema, current)];
    return [...before].flatMap(([place, value]) => {
      const other = now.get(place);
      return other === undefined || other === value ? [] : [[value, other] as const];
    });
  }

  /** Returns the values by their fields, which are numbered: several messages of a request may have the same field. */
  #values(schema: DescMessage, message: Message): Map<string, string> {
    const values = new Map<string, string>();
    const counts = new Map<string, number>();
    visitFields(schema, message, (parent, field) => {
      if (!isStringField(field)) return "enter";
      replaceStrings(parent, field, (value, key) => {
        const name = `${field.parent.typeName}.${field.name}${key === undefined ? "" : `["${key}"]`}`;
        if (!this.#names.has(name) || value === "") return value;
        const count = counts.get(name) ?? 0;
        counts.set(name, count + 1);
        values.set(`${name} ${count}`, value);
        return value;
      });
      return "skip";
    });
    return values;
  }
}

/** From this length on, a value is also replaced where it is a part of another string: a uid in a label, a path, or JSON. */
const partLength = 8;

/** The values of a recording that are others in this run. */
export class Substitutions {
  readonly #toCurrent: ReadonlyMap<string, string>;
  readonly #toRecorded: ReadonlyMap<string, string>;

  constructor(replacements: Iterable<Replacement> = []) {
    const longestFirst = [...replacements].sort(([a], [b]) => b.length - a.length);
    this.#toCurrent = new Map(longestFirst);
    this.#toRecorded = new Map(longestFirst.map(([recorded, current]) => [current, recorded]));
  }

  /** Returns these substitutions and others. */
  with(more: readonly Replacement[]): Substitutions {
    return more.length === 0 ? this : new Substitutions([...this.#toCurrent, ...more]);
  }

  /** Replaces this run's values by those of the recording, in the message itself. */
  toRecorded(schema: DescMessage, message: Message): void {
    replaceAll(schema, message, this.#toRecorded);
  }

  /** Replaces the recording's values by those of this run, in the message itself. */
  toCurrent(schema: DescMessage, message: Message): void {
    replaceAll(schema, message, this.#toCurrent);
  }
}

function replaceAll(schema: DescMessage, message: Message, values: ReadonlyMap<string, string>): void {
  if (values.size === 0) return;
  visitFields(schema, message, (parent, field) => {
    if (!isStringField(field)) return "enter";
    replaceStrings(parent, field, (text) => replaced(text, values));
    return "skip";
  });
}

function replaced(text: string, values: ReadonlyMap<string, string>): string {
  const whole = values.get(text);
  if (whole !== undefined) return whole;
  for (const [from, to] of values) if (from.length >= partLength) text = text.replaceAll(from, to);
  return text;
}
