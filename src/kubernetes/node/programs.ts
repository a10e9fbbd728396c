import { spawn } from "node:child_process";
import { volumeError } from "./volume-error.js";

const systemFolders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const outputLimitBytes = 4096;

/** How a program ended. */
export interface Exit {
  /** Null where it was killed. */
  readonly status: number | null;
  /** The beginning of what it wrote to stderr. */
  readonly errors: string;
}

/** Runs a program of util-linux without a shell. `fd` is its descriptor 3. */
export function runProgram(
  program: string,
  args: readonly string[],
  { fd, timeoutMs }: { readonly fd?: number | undefined; readonly timeoutMs: number },
): Promise<Exit> {
  return new Promise((resolve, reject) => {
    const { PATH } = process.env;
    const child = spawn(program, args, {
      stdio: ["ignore", "ignore", "pipe", ...(fd === undefined ? [] : [fd])],
      env: { LC_ALL: "C", PATH: PATH ? `${PATH}:${systemFolders}` : systemFolders },
    });
    let errors = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(volumeError(program, `did not end within ${timeoutMs} ms: ${args.join(" ")}`));
    }, timeoutMs);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (errors.length < outputLimitBytes) errors += text;
    });
    child.once("error", (cause) => {
      clearTimeout(timer);
      const hint = "Install util-linux, which has the programs mount, umount and flock";
      reject(volumeError(program, "cannot be run", { cause, hint }));
    });
    child.once("close", (status) => {
      clearTimeout(timer);
      resolve({ status, errors });
    });
  });
}

/** Throws unless a program succeeded, with the first line of its errors. `what` it should have done. */
export function checkExit({ status, errors }: Exit, what: string): void {
  if (status === 0) return;
  const text = errors.trim().split("\n")[0] || (status === null ? "was killed" : `exit code ${status}`);
  throw volumeError(what, text.slice(0, 500));
}
