export { FieldPath } from "./field-path.js";
export { type FieldProblem, type FieldProblemKind, FieldProblems } from "./field-problems.js";
export { configMapType, podTemplateType, secretType } from "./object-types.js";
export { objectMeta, podTemplateSpec, podType } from "./pod-types.js";
export { readValue } from "./read-value.js";
export {
  type AnyType,
  boolean,
  type FieldType,
  int32,
  int64,
  listOf,
  type ObjectType,
  objectOf,
  opaque,
  required,
  string,
  type ValueType,
} from "./value-types.js";
export { labelSelector } from "./volume-types.js";
export { withoutNulls } from "./without-nulls.js";
