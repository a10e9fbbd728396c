import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** The functions by which a reader accesses paths. */
const functions = ["open", "stat", "readdir", "realpath"] as const;

/**
 * Calls `act` before the `nth` file system call of a reader in a folder, counted from 1, as a concurrent process would. Returns
 * a function that removes the hook, and returns whether the call happened.
 */
export function beforeCall(folder: string, nth: number, act: () => void): () => boolean {
  let count = 0;
  const real = functions.map((name) => [name, fs.promises[name]] as const);
  for (const [name, call] of real) {
    const hooked = (path: unknown, ...others: unknown[]) => {
      if (String(path).startsWith(folder) && ++count === nth) act();
      // Called with the original arguments.
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
