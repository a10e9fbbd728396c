import { type OptionCheck, optionError, within } from "./options.js";

/** The id of a pod or container, or anything that has one, such as a handle or an item of a list. @inline */
export type IdOrHandle = string | { readonly id: string };

/**
 * Returns the id of an argument that is an id or a handle. Throws `invalid_option` for anything else.
 *
 * @param operation the function as its callers write it: `cri.exec`
 */
export function idOf(operation: string, name: string, value: IdOrHandle): string {
  const id: unknown = typeof value === "object" && value !== null ? value.id : value;
  if (typeof id === "string") return id;
  throw optionError(operation, within(`.${name}`, "must be an id or a handle", value));
}

/** Throws `invalid_option` for an argument that is missing, null or not valid. */
export function checkArgument<T>(operation: string, name: string, value: T, check: OptionCheck<T>): void {
  const found = value === undefined || value === null ? (check(value) ?? "is required") : check(value);
  if (found !== undefined) throw optionError(operation, within(`.${name}`, found, value));
}

/**
 * The check of an object of the caller's: one with these functions. `what` names it: `a transport, such as memoryTransport()`.
 */
export function hasFunctions<T>(what: string, ...names: readonly string[]): OptionCheck<T> {
  return (value: unknown) => {
    const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
    const isComplete = isObject && names.every((name) => typeof Reflect.get(value, name) === "function");
    return isComplete ? undefined : `must be ${what}`;
  };
}

/** Throws `invalid_option` for a command that is not an array of strings. */
export function checkCommand(operation: string, command: readonly string[]): void {
  checkArgument(operation, "command", command, (value: unknown) => {
    if (typeof value === "string")
      return 'must be an array: pass ["ls", "/"], or ["sh", "-c", "ls /"] for a shell';
    const isArray = Array.isArray(value) && value.every((one) => typeof one === "string");
    return isArray ? undefined : "must be an array of strings";
  });
}
