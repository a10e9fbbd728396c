/** Whether Node runs this program, and not Bun or Deno, which have modules of the same names with an implementation of their own. */
export const isNode: boolean = process.versions.bun === undefined && process.versions.deno === undefined;
