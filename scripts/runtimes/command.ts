import { execFile } from "node:child_process";

/** How to run one command. */
export interface CommandOptions {
  /** The longest the command may take, in milliseconds; it is killed then. Default 60 000. */
  readonly timeoutMs?: number;
  /** Ends the command early. */
  readonly signal?: AbortSignal | undefined;
  /** The working directory. */
  readonly cwd?: string;
  /** Variables set on top of the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command to its end and gives its stdout; a failure carries the command and the end of its stderr. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { timeoutMs = 60_000, signal, cwd, env } = options;
  return new Promise((resolve, reject) => {
    const settings = {
      timeout: timeoutMs,
      maxBuffer: 16 * 1024 * 1024,
      env: { ...process.env, ...env },
      ...(signal === undefined ? {} : { signal }),
      ...(cwd === undefined ? {} : { cwd }),
    };
    execFile(file, [...args], settings, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      const why =
        error.killed === true ? `ended after ${timeoutMs} ms` : `failed (${error.code ?? error.signal})`;
      const said = stderr.trim().split("\n").slice(-8).join("\n");
      reject(new Error(`${file} ${args.join(" ")}: ${why}\n${said}`.trim(), { cause: error }));
    });
  });
}

/** Runs a step again after a failure, `attempts` times in all, and throws the last failure. */
export async function retried<T>(
  what: string,
  attempts: number,
  step: () => Promise<T>,
  log?: (line: string) => void,
  signal?: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await step();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (attempt >= attempts) {
        throw new Error(`${what} failed ${attempts} times; the last time: ${text}`, { cause: error });
      }
      log?.(`${what} failed (attempt ${attempt} of ${attempts}), trying again: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, attempt * 2_000));
    }
  }
}
