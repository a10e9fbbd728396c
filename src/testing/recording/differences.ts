import { isRecord } from "../../core/index.js";

/** A field in which two messages differ. */
export interface Difference {
  readonly path: string;
  readonly recorded: unknown;
  readonly called: unknown;
}

/** Returns the fields in which two messages in JSON form differ, in the order of the recorded one. */
export function differences(recorded: unknown, called: unknown, path = ""): Difference[] {
  if (recorded === called) return [];
  if (Array.isArray(recorded) && Array.isArray(called)) {
    const length = Math.max(recorded.length, called.length);
    return Array.from({ length }, (_, index) =>
      differences(recorded[index], called[index], `${path}[${index}]`),
    ).flat();
  }
  if (isObject(recorded) && isObject(called)) {
    const keys = new Set([...Object.keys(recorded), ...Object.keys(called)]);
    return [...keys].flatMap((key) => differences(recorded[key], called[key], joined(path, key)));
  }
  return [{ path, recorded, called }];
}

/** Formats differences, one per line. */
export function formatDifferences(found: readonly Difference[]): string {
  return found
    .map(({ path, recorded, called }) => {
      if (recorded === undefined) return `  ${path}: only in the call: ${shown(called)}`;
      if (called === undefined) return `  ${path}: only in the recording: ${shown(recorded)}`;
      return `  ${path}: recorded ${shown(recorded)}, called ${shown(called)}`;
    })
    .join("\n");
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 297)}...` : text;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && !Array.isArray(value);
}

function joined(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}
