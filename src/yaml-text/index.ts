// The room of JSON and YAML texts: from a text to values with their places. Knows no schema.
export type { YamlDialect } from "./dialects.js";
export {
  type Location,
  type ParsedText,
  parseText,
  parseTexts,
  type TextProblem,
  type ValuePath,
} from "./parse-text.js";
