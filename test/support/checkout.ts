import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the tree that this module is part of: the checkout, or the build of it in `.build/`. */
const tree = fileURLToPath(new URL("../..", import.meta.url));
const isBuild = tree.endsWith("/.build/");

/** The checkout's folder. */
export const checkout = isBuild ? join(tree, "..") : tree;

/**
 * The arguments that make Node run a program of the checkout, named by its path there, such as
 * `examples/quickstart.ts`. It runs from the build, as the tests do.
 */
export function nodeArgs(program: string, ...args: readonly string[]): string[] {
  return isBuild
    ? ["--enable-source-maps", join(tree, program.replace(/\.ts$/, ".js")), ...args]
    : ["--conditions=cri-sdk-source", "--import", "tsx", join(tree, program), ...args];
}
