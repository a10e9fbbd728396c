// Prepares, updates and removes a pod's files, and kills itself at the nth step: before a call of the file system, or before or after
// the start of a program. Prints the number of steps if it made fewer.
import childProcess from "node:child_process";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const [rootDir = "", podLogsDir = "", step = "0"] = process.argv.slice(2);
let steps = 0;
let isArmed = false;

function count(): void {
  if (isArmed && ++steps === Number(step)) process.kill(process.pid, "SIGKILL");
}

/** Makes all functions of an object count their calls. */
function countCalls(object: object): void {
  for (const name of Object.getOwnPropertyNames(object)) {
    const { value: original, writable } = Object.getOwnPropertyDescriptor(object, name) ?? {};
    if (typeof original !== "function" || !writable || name === "constructor") continue;
    Object.defineProperty(object, name, {
      configurable: true,
      writable: true,
      value: function (this: unknown, ...args: unknown[]) {
        count();
        return Reflect.apply(original, this, args);
      },
    });
  }
}

const handle = await fs.open("/dev/null");
countCalls(Object.getPrototypeOf(handle));
await handle.close();
countCalls(fs);
const { spawn } = childProcess;
childProcess.spawn = ((...args: Parameters<typeof spawn>) => {
  count();
  const child = spawn(...args);
  count();
  return child;
}) as typeof spawn;
syncBuiltinESMExports();

const { LocalNodeFiles } = await import("../../../src/kubernetes/node/local-node-files.js");
const { preparePod, removePod, updatePod } = await import("../crashing-pod.js");
const files = new LocalNodeFiles({ rootDir, podLogsDir });
isArmed = true;
await preparePod(files, rootDir, "old");
await updatePod(files, rootDir, "new");
await removePod(files);
console.log(steps);
