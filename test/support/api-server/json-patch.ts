import { ApiError, badRequest } from "./api-error.js";
import { isEqual, isList, isObject, type JsonValue, textAt } from "./json.js";

/**
 * Applies a JSON patch (RFC 6902).
 *
 * @throws {ApiError} 400 for a malformed patch, 422 for one that does not apply
 */
export function jsonPatch(target: JsonValue, patch: JsonValue): JsonValue {
  if (!isList(patch)) throw badRequest("a JSON patch must be a list of operations");
  return patch.reduce((document, operation) => applyOperation(document, operation), target);
}

function applyOperation(document: JsonValue, operation: JsonValue): JsonValue {
  if (!isObject(operation)) throw badRequest("an operation must be an object");
  const path = pointer(textAt(operation, "path"));
  const value = operation.value;
  switch (operation.op) {
    case "add":
      return edit(document, path, "add", required(value));
    case "replace":
      return edit(document, path, "replace", required(value));
    case "remove":
      return edit(document, path, "remove");
    case "test":
      if (!isEqual(read(document, path), value))
        throw unapplicable(`testing path ${textAt(operation, "path")} failed`);
      return document;
    case "copy":
      return edit(document, path, "add", read(document, pointer(textAt(operation, "from"))));
    case "move": {
      const from = pointer(textAt(operation, "from"));
      return edit(edit(document, from, "remove"), path, "add", read(document, from));
    }
    default:
      throw badRequest(`unknown operation: ${JSON.stringify(operation.op)}`);
  }
}

function pointer(text: string): string[] {
  if (text === "") return [];
  if (!text.startsWith("/")) throw badRequest(`${text}: a path must begin with /`);
  return text
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function required(value: JsonValue | undefined): JsonValue {
  if (value === undefined) throw badRequest("the operation has no value");
  return value;
}

function unapplicable(problem: string): ApiError {
  return new ApiError(
    422,
    "Invalid",
    `the server rejected our request due to an error in our request: ${problem}`,
  );
}

function read(document: JsonValue, path: readonly string[]): JsonValue {
  let current: JsonValue | undefined = document;
  for (const part of path) {
    if (isList(current)) current = current[Number(part)];
    else current = isObject(current) ? current[part] : undefined;
    if (current === undefined) throw unapplicable(`/${path.join("/")} does not exist`);
  }
  return current ?? null;
}

function edit(
  document: JsonValue,
  path: readonly string[],
  kind: "add" | "replace" | "remove",
  value: JsonValue = null,
): JsonValue {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (isList(document)) {
    const copy = [...document];
    const index = first === "-" ? copy.length : Number(first);
    const last = kind === "add" && rest.length === 0 ? copy.length : copy.length - 1;
    if (!Number.isInteger(index) || index < 0 || index > last)
      throw unapplicable(`index ${first} is out of bounds`);
    if (rest.length > 0) copy[index] = edit(copy[index] ?? null, rest, kind, value);
    else if (kind === "remove") copy.splice(index, 1);
    else copy.splice(index, kind === "replace" ? 1 : 0, value);
    return copy;
  }
  if (!isObject(document)) throw unapplicable(`${first}: its parent is neither an object nor a list`);
  const child = document[first];
  if (rest.length > 0) {
    if (child === undefined) throw unapplicable(`${first} does not exist`);
    return { ...document, [first]: edit(child, rest, kind, value) };
  }
  if (kind !== "add" && child === undefined) throw unapplicable(`${first} does not exist`);
  if (kind !== "remove") return { ...document, [first]: value };
  return Object.fromEntries(Object.entries(document).filter(([name]) => name !== first));
}
