import type { NodeObject } from "./objects.js";

/** Objects by the words that they go by, such as their labels. */
export class NodeIndex<T extends NodeObject> {
  readonly #wordsOf: (object: T) => readonly string[];
  readonly #byWord = new Map<string, Map<string, T>>();

  constructor(wordsOf: (object: T) => readonly string[]) {
    this.#wordsOf = wordsOf;
  }

  get(word: string): readonly T[] {
    return [...(this.#byWord.get(word)?.values() ?? [])];
  }

  /** Puts an object in the place of an earlier one; of none for what is new, with none for what is gone. */
  replace(before: T | undefined, after: T | undefined): void {
    if (before)
      for (const word of this.#wordsOf(before)) {
        const all = this.#byWord.get(word);
        all?.delete(before.id);
        if (all?.size === 0) this.#byWord.delete(word);
      }
    if (!after) return;
    for (const word of this.#wordsOf(after)) {
      const all = this.#byWord.get(word);
      if (all) all.set(after.id, after);
      else this.#byWord.set(word, new Map([[after.id, after]]));
    }
  }
}

/** A label as a word: with its key alone, and with its value. */
export function labelWords(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).flatMap(([key, value]) => [labelWord(key), labelWord(key, value)]);
}

/** The word of a label; without a value, of all values. */
export function labelWord(key: string, value?: string | undefined): string {
  return value === undefined ? key : `${key}=${value}`;
}
