import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** What a reader asks the system for by a path. */
const functions = ["open", "stat", "readdir", "realpath"] as const;

/**
 * Does something in the moment before the reader asks for a file of a folder for the `nth` time, counted from 1: what a process
 * beside it could do. Gives back how to end that, which tells whether the moment came.
 */
export function beforeAsking(folder: string, nth: number, act: () => void): () => boolean {
  let count = 0;
  const real = functions.map((name) => [name, fs.promises[name]] as const);
  for (const [name, call] of real) {
    const hooked = (path: unknown, ...others: unknown[]) => {
      if (String(path).startsWith(folder) && ++count === nth) act();
      // Each is called as it was.
      return Reflect.apply(call, fs.promises, [path, ...others]);
    };
    Object.assign(fs.promises, { [name]: hooked });
  }
  syncBuiltinESMExports();
  return () => {
    Object.assign(fs.promises, Object.fromEntries(real));
    syncBuiltinESMExports();
    return count >= nth;
  };
}
