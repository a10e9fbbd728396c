import { execFile } from "node:child_process";

/** Options of {@link runCommand}. */
export interface CommandOptions {
  /** The timeout in milliseconds, after which the command is killed; default 60 000. */
  readonly timeoutMs?: number;
  /** Kills the command. */
  readonly signal?: AbortSignal | undefined;
  /** The working directory. */
  readonly cwd?: string;
  /** Variables added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command and returns its stdout; an error contains the command and the last lines of its stderr. */
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
      const reason =
        error.killed === true ? `killed after ${timeoutMs} ms` : `failed (${error.code ?? error.signal})`;
      const lastStderr = stderr.trim().split("\n").slice(-8).join("\n");
      reject(new Error(`${file} ${args.join(" ")}: ${reason}\n${lastStderr}`.trim(), { cause: error }));
    });
  });
}

/** Runs a step until it succeeds, at most `attempts` times; throws the error of the last attempt. */
export async function retry<T>(
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
        throw new Error(`${what}: failed ${attempts} times, the last time with: ${text}`, { cause: error });
      }
      log?.(`${what}: attempt ${attempt} of ${attempts} failed, retrying: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, attempt * 2_000));
    }
  }
}
