import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Found, ValuePath } from "./read-message.js";

/** The content of a JSON or YAML text, and where each part of it stands. */
export interface ParsedText {
  /** Whole numbers are bigint, so that none loses digits. */
  readonly value: unknown;
  /** What is wrong with the text itself; its value counts only where this is empty. */
  readonly found: readonly PlacedFound[];
  /** `3:5` for the line and the column, both from 1, of a part of the value; undefined for what is not in the text. */
  placeOf(path: ValuePath, isKey?: boolean): string | undefined;
}

export interface PlacedFound extends Found {
  readonly place: string;
}

/** Far more levels of repetition than a config has, far fewer than a trap needs. */
const maxAliasCount = 100;

/** Reads JSON or YAML 1.2. Never throws: what is wrong is in `found`. */
export function parseText(text: string): ParsedText {
  const lines = new LineCounter();
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${line}:${col}`;
  };
  const document = parseDocument(text, { intAsBigInt: true, lineCounter: lines, prettyErrors: false });
  const found: PlacedFound[] = [...document.errors, ...document.warnings].map(({ message, pos }) =>
    problem(place(pos[0]), message),
  );
  found.push(...misread(document, place));
  let value: unknown;
  try {
    value = found.length === 0 ? document.toJS({ maxAliasCount }) : undefined;
  } catch (error) {
    found.push(problem("1:1", error instanceof Error ? error.message : String(error)));
  }
  const placeOf = (path: ValuePath, isKey = false) => {
    const offset = offsetOf(document, path, isKey);
    return offset === undefined ? undefined : place(offset);
  };
  return { value, found, placeOf };
}

/** What would not become what it looks like. */
function misread(document: Document, place: (offset: number) => string): PlacedFound[] {
  const found: PlacedFound[] = [];
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) && typeof key.value === "string") return;
      const offset = isScalar(key) || isMap(key) || isSeq(key) || isAlias(key) ? key.range?.[0] : undefined;
      found.push(problem(place(offset ?? 0), "this key is no text: put it in quotes"));
    },
    Scalar(_, { value, source, range }) {
      // crictl's YAML is an older one.
      if (typeof value === "bigint" && /^[-+]?0\d/.test(source ?? ""))
        found.push(
          problem(
            place(range?.[0] ?? 0),
            `${source} is octal in YAML 1.1 and decimal in YAML 1.2: write it without the leading 0`,
          ),
        );
    },
  });
  return found;
}

function offsetOf(document: Document, path: ValuePath, isKey: boolean): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0];
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isSeq(node) && typeof step === "number") node = node.items[step];
    else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (pair === undefined) return undefined;
      const isLast = depth === path.length - 1;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      if (isKey && isLast) return offset;
      node = pair.value;
    } else return undefined;
    if (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) offset = node.range?.[0] ?? offset;
  }
  return offset;
}

function problem(place: string, message: string): PlacedFound {
  return { path: [], message, value: undefined, place };
}
