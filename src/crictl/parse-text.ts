import { LineCounter, parseDocument } from "yaml";
import { isError, messageOf } from "../core/index.js";
import type { LocatedProblem, Location } from "./invalid-file.js";
import type { ValuePath } from "./read-message.js";
import { YamlNodes } from "./yaml-nodes.js";

/** The content of a JSON or YAML text, with the location of each part. */
export interface ParsedText {
  /** Whole numbers are bigint, so that they keep all digits. */
  readonly value: unknown;
  /** What is wrong with the text itself. `value` is defined only when there are none. */
  readonly problems: readonly LocatedProblem[];
  /** Returns the location of a part of the value; `undefined` for a path that is not in the text. */
  locate(path: ValuePath, isKey?: boolean): Location | undefined;
}

/** Parses JSON or YAML: 1.2 with the merge keys of 1.1, as crictl reads it. Never throws: errors are in `problems`. */
export function parseText(text: string): ParsedText {
  const lines = new LineCounter();
  const at = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems: LocatedProblem[] = [];
  try {
    const document = parseDocument(text, {
      intAsBigInt: true,
      lineCounter: lines,
      prettyErrors: false,
      // Checked in YamlNodes: here the time would be quadratic.
      uniqueKeys: false,
    });
    for (const { message, pos } of [...document.errors, ...document.warnings])
      problems.push(ofText(message, at(pos[0])));
    const nodes = new YamlNodes(document);
    for (const { message, offset } of nodes.problems) problems.push(ofText(message, at(offset)));
    if (problems.length === 0) {
      const locate = (path: ValuePath, isKey = false) => {
        const offset = nodes.offsetOf(path, isKey);
        return offset === undefined ? undefined : at(offset);
      };
      return { value: nodes.value, problems, locate };
    }
  } catch (error) {
    // The parser is recursive.
    const message = isError(error) && error.name === "RangeError" ? "is nested too deeply" : messageOf(error);
    problems.push(ofText(message, { line: 1, column: 1 }));
  }
  return { value: undefined, problems, locate: () => undefined };
}

/** A problem with the text rather than with one of its values. */
function ofText(message: string, location: Location): LocatedProblem {
  return { path: [], message, value: undefined, location };
}
