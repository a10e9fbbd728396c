import { type Document, LineCounter, type ParseOptions, parseAllDocuments, parseDocument } from "yaml";
import { isError, messageOf } from "../core/index.js";
import { type DialectOptions, type YamlDialect, yamlDialects } from "./dialects.js";
import { YamlNodes } from "./nodes.js";

/** A position in a text; both numbers begin at 1. */
export interface Location {
  readonly line: number;
  readonly column: number;
}

/** The keys and indices that lead to a value, the outermost first. */
export type ValuePath = readonly (string | number)[];

/** A problem with the text rather than with one of its values. */
export interface TextProblem {
  readonly path: ValuePath;
  readonly message: string;
  readonly value: undefined;
  readonly location: Location;
}

/** The content of a JSON or YAML document, with the location of each part. */
export interface ParsedText {
  /** Undefined when there are problems. */
  readonly value: unknown;
  /** What is wrong with the text itself. */
  readonly problems: readonly TextProblem[];
  /** Returns the location of a part of the value, or of its key; `undefined` for a path that is not in the text. */
  locate(path: ValuePath, isKey?: boolean): Location | undefined;
}

const tooDeep = "is nested too deeply";

/** Parses JSON or YAML of one document. Never throws: errors are in `problems`. */
export function parseText(text: string, dialect: YamlDialect): ParsedText {
  const [parsed] = parseWith(dialect, (options) => [parseDocument(text, options)]);
  return parsed ?? withProblems([]);
}

/** Parses JSON or YAML of any number of documents, of which empty ones have the value null. Never throws. */
export function parseTexts(text: string, dialect: YamlDialect): readonly ParsedText[] {
  return parseWith(dialect, (options) => parseAllDocuments(text, options));
}

function parseWith(
  dialect: YamlDialect,
  parse: (options: ParseOptions & DialectOptions) => readonly Document[],
): readonly ParsedText[] {
  const lines = new LineCounter();
  const { options, rules } = yamlDialects[dialect];
  try {
    const documents = parse({
      ...options,
      lineCounter: lines,
      prettyErrors: false,
      // Checked in YamlNodes: here the time would be quadratic.
      uniqueKeys: false,
    });
    return documents.map((document) => contentOf(document, lines, new YamlNodes(document, rules)));
  } catch (error) {
    // The parser is recursive.
    const message = isError(error) && error.name === "RangeError" ? tooDeep : messageOf(error);
    return [withProblems([ofText(message, { line: 1, column: 1 })])];
  }
}

function contentOf(document: Document, lines: LineCounter, nodes: YamlNodes): ParsedText {
  const at = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems = [
    ...[...document.errors, ...document.warnings].map(({ message, pos }) =>
      ofText(/call stack/.test(message) ? tooDeep : message, at(pos[0])),
    ),
    ...nodes.problems.map(({ message, offset }) => ofText(message, at(offset))),
  ];
  if (problems.length > 0) return withProblems(problems);
  const locate = (path: ValuePath, isKey = false) => {
    const offset = nodes.offsetOf(path, isKey);
    return offset === undefined ? undefined : at(offset);
  };
  return { value: nodes.value, problems, locate };
}

function withProblems(problems: readonly TextProblem[]): ParsedText {
  return { value: undefined, problems, locate: () => undefined };
}

function ofText(message: string, location: Location): TextProblem {
  return { path: [], message, value: undefined, location };
}
