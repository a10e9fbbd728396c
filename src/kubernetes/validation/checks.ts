// Checks that many fields have in common. Each reports a problem and returns whether there was none.
import { isIP } from "node:net";
import { dnsSubdomain } from "../../pods/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkString } from "./metadata.js";

/** The largest id of a user or group. */
const maxId = 2 ** 31 - 1;

/** Reports a word that is not one of the allowed ones. Absent is good. */
export function checkWord(
  word: string | undefined,
  allowed: readonly string[],
  path: FieldPath,
  problems: FieldProblems,
): void {
  if (word !== undefined && !allowed.includes(word)) problems.unsupported(path, word, allowed);
}

/** Reports a number outside of a range. Absent is good. */
export function checkRange(
  value: number | undefined,
  min: number,
  max: number,
  path: FieldPath,
  problems: FieldProblems,
): void {
  if (value === undefined || (value >= min && value <= max)) return;
  const range =
    max === Number.POSITIVE_INFINITY
      ? `greater than or equal to ${min}`
      : `between ${min} and ${max}, inclusive`;
  problems.invalid(path, value, `must be ${range}`);
}

/** Reports the number of a port that is none. */
export function checkPortNumber(value: number, path: FieldPath, problems: FieldProblems): void {
  checkRange(value, 1, 65_535, path, problems);
}

/** Reports an id of a user or group that is none. Absent is good. */
export function checkId(value: number | undefined, path: FieldPath, problems: FieldProblems): void {
  checkRange(value, 0, maxId, path, problems);
}

/** Reports an address that is none. */
export function checkIp(address: string, path: FieldPath, problems: FieldProblems): void {
  if (isIP(address) === 0)
    problems.invalid(path, address, "must be an IP address, such as 10.9.8.7 or 2001:db8::ffff");
}

/** Reports a name that refers to an object and is missing, or not valid. */
export function checkReference(name: string | undefined, path: FieldPath, problems: FieldProblems): void {
  if (!name) problems.required(path);
  else checkString(name, path, problems, dnsSubdomain);
}

/** Reports a string that is missing or empty. */
export function checkGiven(
  text: string | undefined,
  path: FieldPath,
  problems: FieldProblems,
): text is string {
  if (text) return true;
  problems.required(path);
  return false;
}

/** Returns the names of the fields of a union that are set, and reports none and several. `what` names the alternatives. */
export function checkUnion<T extends object>(
  union: T,
  members: readonly (keyof T & string)[],
  what: string,
  path: FieldPath,
  problems: FieldProblems,
): void {
  const given = members.filter((member) => union[member] !== undefined);
  if (given.length === 0) problems.required(path, `must specify ${what}: one of ${members.join(", ")}`);
  for (const member of given.slice(1))
    problems.forbidden(path.child(member), `must not specify more than one of ${given.join(", ")}`);
}
