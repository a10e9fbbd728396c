import { badRequest } from "./api-error.js";
import { isEqual, isList, isObject, type JsonObject, type JsonValue, listAt } from "./json.js";
import type { PatchField, PatchType } from "./patch-schema.js";

const noFields: PatchType = { fields: {} };
const orderPrefix = "$setElementOrder/";
const deletePrefix = "$deleteFromPrimitiveList/";

/**
 * Applies a strategic merge patch: objects are merged, null deletes, lists are merged by key where the schema says so, and the directives
 * `$patch` (replace, delete, merge), `$retainKeys`, `$setElementOrder/FIELD` and `$deleteFromPrimitiveList/FIELD` are followed.
 *
 * @throws {ApiError} 400 for an unknown directive, and for an element of a merged list without its key
 */
export function strategicPatch(
  target: JsonObject,
  patch: JsonObject,
  type: PatchType = noFields,
): JsonObject {
  const directive = patch.$patch;
  if (directive === "replace") return withoutDirectives(patch);
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge")
    throw badRequest(`unknown patch directive: ${JSON.stringify(directive)}`);
  const result: Record<string, JsonValue | undefined> = retained(target, patch);
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || name === "$patch" || name === "$retainKeys" || name.startsWith(orderPrefix))
      continue;
    if (name.startsWith(deletePrefix)) {
      const field = name.slice(deletePrefix.length);
      const removed = isList(value) ? value : [];
      if (isList(result[field]))
        result[field] = listAt(result, field).filter((item) => !removed.some((one) => isEqual(one, item)));
    } else if (value === null) delete result[name];
    else result[name] = patchedField(result[name], value, type.fields[name] ?? {});
  }
  for (const [name, order] of Object.entries(patch))
    if (name.startsWith(orderPrefix)) {
      const field = name.slice(orderPrefix.length);
      const key = type.fields[field]?.mergeKey ?? "";
      const list = result[field];
      if (isList(list) && isList(order)) result[field] = ordered(list, order, listAt(target, field), key);
    }
  return result;
}

function retained(target: JsonObject, patch: JsonObject): Record<string, JsonValue | undefined> {
  const kept = patch.$retainKeys;
  if (kept === undefined) return { ...target };
  if (!isList(kept)) throw badRequest("$retainKeys must be a list");
  return Object.fromEntries(Object.entries(target).filter(([name]) => kept.includes(name)));
}

function patchedField(target: JsonValue | undefined, patch: JsonValue, field: PatchField): JsonValue {
  if (isObject(patch)) return strategicPatch(isObject(target) ? target : {}, patch, field.type);
  if (!isList(patch)) return patch;
  if (field.mergeKey === undefined) return patch.map(withoutNestedDirectives);
  const original = isList(target) ? target : [];
  return field.mergeKey === ""
    ? mergedPrimitives(original, patch)
    : mergedElements(original, patch, field.mergeKey, field.type ?? noFields);
}

function mergedPrimitives(original: readonly JsonValue[], patch: readonly JsonValue[]): JsonValue[] {
  const merged = [...new Set([...original, ...patch])];
  return ordered(merged, patch, original, "");
}

function mergedElements(
  original: readonly JsonValue[],
  patch: readonly JsonValue[],
  key: string,
  type: PatchType,
): JsonValue[] {
  const elements = patch.map((element) => {
    if (!isObject(element))
      throw badRequest(`an element of a list that is merged by ${key} must be an object`);
    return element;
  });
  const replaces = elements.some((element) => element.$patch === "replace" && element[key] === undefined);
  let merged = replaces ? [] : [...original];
  const added: JsonObject[] = [];
  for (const element of elements) {
    if (element.$patch === "replace" && element[key] === undefined) continue;
    const id = element[key];
    if (id === undefined)
      throw badRequest(`map: ${JSON.stringify(element)} does not contain declared merge key: ${key}`);
    const isIt = (item: JsonValue): boolean => isObject(item) && isEqual(item[key], id);
    if (element.$patch === "delete") {
      merged = merged.filter((item) => !isIt(item));
      continue;
    }
    added.push(element);
    const index = merged.findIndex(isIt);
    const existing = merged[index];
    if (isObject(existing)) merged[index] = strategicPatch(existing, element, type);
    else merged.push(strategicPatch({}, element, type));
  }
  return ordered(merged, added, original, key);
}

/**
 * Orders a merged list: the elements that the patch names in its order, and the others among them as they were before: an element
 * stays in front of those of the patch that it preceded.
 */
function ordered(
  merged: readonly JsonValue[],
  order: readonly JsonValue[],
  before: readonly JsonValue[],
  key: string,
): JsonValue[] {
  const id = (item: JsonValue): JsonValue | undefined => (key !== "" && isObject(item) ? item[key] : item);
  const place = (item: JsonValue, list: readonly JsonValue[]): number =>
    list.findIndex((one) => isEqual(id(one), id(item)));
  const named = merged
    .filter((item) => place(item, order) >= 0)
    .sort((a, b) => place(a, order) - place(b, order));
  const others = merged
    .filter((item) => place(item, order) < 0)
    .sort((a, b) => place(a, before) - place(b, before));
  const result: JsonValue[] = [];
  for (const item of named) {
    for (let next = others[0]; next !== undefined; next = others[0]) {
      const [here, there] = [place(next, before), place(item, before)];
      if (here < 0 || there < 0 || here > there) break;
      result.push(next);
      others.shift();
    }
    result.push(item);
  }
  return [...result, ...others];
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(patch)
      .filter(([name, value]) => name !== "$patch" && name !== "$retainKeys" && value !== null)
      .filter(([name]) => !name.startsWith(orderPrefix) && !name.startsWith(deletePrefix))
      .map(([name, value]) => [name, value === undefined ? value : withoutNestedDirectives(value)]),
  );
}

function withoutNestedDirectives(value: JsonValue): JsonValue {
  if (isList(value)) return value.map(withoutNestedDirectives);
  return isObject(value) ? withoutDirectives(value) : value;
}
