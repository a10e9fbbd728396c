import type { Reflection } from "./coverage.js";

export interface GenerateOptions {
  /** The folder of the package. */
  readonly root: string;
  /** The files of the doors, by the name that programs import. */
  readonly doors: Readonly<Record<string, string>>;
  /** The path of the tsconfig.json. */
  readonly tsconfig: string;
  /** Where the site is written. @default no site is written */
  readonly output?: string | undefined;
  /** The page that the site begins with, and the other guides in their order. @default no guides */
  readonly guides?: { readonly start: string; readonly pages: readonly string[] } | undefined;
  /** Types in public signatures that no door exports, as `FILE:NAME`. @default none */
  readonly notExported?: readonly string[] | undefined;
}

export interface Generated {
  readonly model: Reflection;
  /** The file and line of each declaration, by its id in the model. */
  readonly places: Readonly<Record<number, string>>;
  /** What typedoc reports: broken links in comments, and types in public signatures that no door exports. */
  readonly problems: readonly string[];
}

/** Reads the doors, and writes the site. Rejects if the doors cannot be read. */
export function generate(options: GenerateOptions): Promise<Generated>;
