import { describe, type Problem } from "../../core/index.js";

/** Collects what is wrong with one request, under the path of the field that is looked at. */
export class Findings {
  readonly problems: Problem[] = [];

  /** Notes a problem unless `holds`. Without a value, the field counts as missing. */
  expect(holds: boolean, path: string, message: string, ...value: [value?: unknown]): boolean {
    if (!holds) {
      const shown = value.length > 0 ? `, got ${describe(value[0])}` : "";
      this.problems.push({
        path,
        message: message + shown,
        ...(value.length > 0 ? { value: value[0] } : {}),
      });
    }
    return holds;
  }

  /** The string must not be empty. */
  filled(value: string, path: string, what: string): boolean {
    return this.expect(value !== "", path, `${what} is missing`);
  }
}

/** Ids as containerd, CRI-O and cri-dockerd make them are 64 hex digits; anything shorter of that kind is a prefix. */
const truncated = /^[0-9a-f]{1,63}$/;

/**
 * An id on a call that changes something: present, and whole. Runtimes take any unique prefix of an id, even one
 * character, and act on whatever it matches.
 */
export function wholeId(id: string, path: string, findings: Findings): void {
  if (!findings.filled(id, path, "the id")) return;
  const message =
    "must be the whole id on a call that changes something; resolve a prefix with a List filter first";
  findings.expect(!truncated.test(id), path, message, id);
}

/** A directory or file on the host: absolute, without a step upwards. */
export function absolutePath(value: string, path: string, findings: Findings): void {
  const windows = /^[a-z]:[\\/]/i.test(value) || value.startsWith("\\\\");
  findings.expect(value.startsWith("/") || windows, path, "must be an absolute path", value);
  findings.expect(!climbs(value), path, 'must not have a ".." step', value);
}

/** Whether a path has a `..` step, with slashes of either lean. */
export function climbs(value: string): boolean {
  return value.split(/[\\/]/).includes("..");
}
