import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  Scalar,
  visit,
  type YAMLMap,
} from "yaml";

/** An entry of a map, its own or merged. */
interface Entry {
  readonly key: Scalar<string>;
  readonly value: unknown;
}

/** The rules of a dialect of YAML beyond its tags. */
export interface NodeRules {
  /** Returns what is wrong with a scalar, which would be read as something else than it looks like; undefined for a good one. */
  readonly scalar: (scalar: Scalar) => string | undefined;
  /** Returns the key of a map that a scalar is, or a problem. */
  readonly key: (scalar: Scalar) => { readonly text: string } | { readonly problem: string };
}

/** A problem with the text at an offset. */
export interface NodeProblem {
  readonly message: string;
  readonly offset: number;
}

/** How many values the aliases and merge keys of a text may add to it: more than any config needs, and little enough to be read. */
const maxAddedValues = 100_000;

class NodeError extends Error {
  readonly offset: number;

  constructor(message: string, node: Node | undefined) {
    super(message);
    this.offset = node?.range?.[0] ?? 0;
  }
}

/**
 * The nodes of a document as values. Resolves aliases, and merge keys (`<<`) as YAML 1.1 defines them: a map's own keys precede merged
 * ones, and the first of several merged maps precedes the others. The time is linear in the number of values.
 */
export class YamlNodes {
  /** Where the text has no meaning, or would be read as something else than it looks like. */
  readonly problems: NodeProblem[] = [];
  readonly #document: Document;
  readonly #targets = new WeakMap<Alias, Node>();
  readonly #entries = new WeakMap<YAMLMap, ReadonlyMap<string, Entry>>();
  readonly #sizes = new WeakMap<Node, number>();
  readonly #values = new WeakMap<Node, unknown>();
  /** The collections that contain the current node. */
  readonly #open = new Set<Node>();
  /** The maps into which others are being merged. */
  readonly #merging = new Set<Node>();
  #mergedKeys = 0;

  constructor(document: Document, rules: NodeRules) {
    this.#document = document;
    this.#examine(rules);
    if (this.problems.length > 0) return;
    try {
      let nodes = 0;
      visit(document, {
        Node: () => {
          nodes++;
        },
      });
      if (this.#sizeOf(document.contents) - nodes > maxAddedValues) throw tooLarge(document.contents);
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      this.problems.push({ message: error.message, offset: error.offset });
    }
  }

  /** The value of the document. Only defined when there are no problems. */
  get value(): unknown {
    return this.#valueOf(this.#document.contents);
  }

  /** Returns where a part of the value is in the text; `undefined` for a path that is not in it. */
  offsetOf(path: readonly (string | number)[], isKey: boolean): number | undefined {
    let node: unknown = this.#document.contents;
    let offset = this.#document.contents?.range?.[0];
    for (const [depth, step] of path.entries()) {
      if (isAlias(node)) node = this.#targets.get(node);
      if (isSeq(node) && typeof step === "number") node = node.items[step];
      else if (isMap(node)) {
        const entry = this.#entriesOf(node).get(String(step));
        if (entry === undefined) return undefined;
        offset = entry.key.range?.[0] ?? offset;
        if (isKey && depth === path.length - 1) return offset;
        node = entry.value;
      } else return undefined;
      if (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) offset = node.range?.[0] ?? offset;
    }
    return offset;
  }

  #examine(rules: NodeRules): void {
    const anchors = new Map<string, Node>();
    const report = (message: string, node: unknown) => {
      const isNode = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
      this.problems.push({ message, offset: (isNode ? node.range?.[0] : undefined) ?? 0 });
    };
    const define = (node: Node & { readonly anchor?: string }) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    };
    visit(this.#document, {
      Map(_, map) {
        define(map);
        const keys = new Set<string>();
        for (const { key } of map.items) {
          const read = isScalar(key) ? rules.key(key) : { problem: "this key is not a string" };
          if ("problem" in read) report(read.problem, key);
          else if (keys.has(read.text) && !isMergeKey(key)) report("map keys must be unique", key);
          else {
            keys.add(read.text);
            // Keys that are numbers become their text.
            if (isScalar(key)) key.value = read.text;
          }
        }
      },
      Seq(_, list) {
        define(list);
      },
      Scalar(_, scalar) {
        define(scalar);
        const problem = rules.scalar(scalar);
        if (problem !== undefined) report(problem, scalar);
      },
      Alias: (_, alias) => {
        const target = anchors.get(alias.source);
        if (target) this.#targets.set(alias, target);
        else report(`the alias *${alias.source} has no anchor before it`, alias);
      },
    });
  }

  /** Returns how many values a node stands for, aliases and merged keys included. */
  #sizeOf(node: unknown): number {
    if (isAlias(node)) return this.#sizeOf(this.#targets.get(node));
    if (!isMap(node) && !isSeq(node)) return 1;
    let size = this.#sizes.get(node);
    if (size !== undefined) return size;
    if (this.#open.has(node)) throw new NodeError("an alias refers to a value that contains it", node);
    this.#open.add(node);
    size = 1;
    if (isSeq(node)) for (const item of node.items) size += this.#sizeOf(item);
    else for (const { value } of this.#entriesOf(node).values()) size += 1 + this.#sizeOf(value);
    this.#open.delete(node);
    this.#sizes.set(node, size);
    return size;
  }

  #entriesOf(map: YAMLMap): ReadonlyMap<string, Entry> {
    const known = this.#entries.get(map);
    if (known) return known;
    const entries = new Map<string, Entry>();
    // Examined: every key is a string.
    const own = map.items as { readonly key: Scalar<string>; readonly value: unknown }[];
    for (const { key, value } of own) if (!isMergeKey(key)) entries.set(key.value, { key, value });
    if (this.#merging.has(map)) throw new NodeError("an alias refers to a value that contains it", map);
    this.#merging.add(map);
    for (const { key, value } of own)
      if (isMergeKey(key))
        for (const source of this.#mergeSources(value, key))
          for (const [name, entry] of this.#entriesOf(source)) {
            if (++this.#mergedKeys > maxAddedValues) throw tooLarge(key);
            if (!entries.has(name)) entries.set(name, entry);
          }
    this.#merging.delete(map);
    this.#entries.set(map, entries);
    return entries;
  }

  #mergeSources(value: unknown, key: Node): readonly YAMLMap[] {
    const resolve = (node: unknown) => (isAlias(node) ? this.#targets.get(node) : node);
    const source = resolve(value);
    const maps = (isSeq(source) ? source.items : [source]).map(resolve);
    if (!maps.every(isMap)) throw new NodeError("the value of << must be a map or a list of maps", key);
    return maps as YAMLMap[];
  }

  #valueOf(node: unknown): unknown {
    if (isAlias(node)) return this.#valueOf(this.#targets.get(node));
    if (isScalar(node)) return node.value;
    if (!isMap(node) && !isSeq(node)) return null;
    const known = this.#values.get(node);
    if (known !== undefined) return known;
    const value = isSeq(node) ? node.items.map((item) => this.#valueOf(item)) : this.#objectOf(node);
    this.#values.set(node, value);
    return value;
  }

  #objectOf(map: YAMLMap): object {
    const object: Record<string, unknown> = {};
    for (const [name, entry] of this.#entriesOf(map)) {
      const value = this.#valueOf(entry.value);
      if (name !== "__proto__") object[name] = value;
      // An assignment would set the prototype.
      else
        Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
    }
    return object;
  }
}

/** In quotes, `<<` is a key like any other. */
function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === "<<" && (key.type === Scalar.PLAIN || key.type === undefined);
}

function tooLarge(node: Node | null): NodeError {
  return new NodeError(
    `its aliases and merge keys stand for more than ${maxAddedValues} values`,
    node ?? undefined,
  );
}
