import type { ChildProcess } from "node:child_process";
import { abortError, type CriError, linkedController, maxTimerMs, sleep } from "../../core/index.js";

const outputLimitBytes = 1 << 20;

/** A program that prints credentials. */
export interface CredentialProgram {
  /** A path, or a name that is looked up in PATH. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: string;
  /** 0 for no limit. */
  readonly timeoutMs: number;
  /** Creates the error for a program that cannot be run, prints too much or takes too long. */
  readonly error: (what: string, cause?: unknown) => CriError;
}

/** How a program ended. */
export interface ProgramEnd {
  /** Null for one that was killed by a signal. */
  readonly status: number | null;
  readonly output: string;
}

/**
 * Runs a program that prints credentials, with its input. After the timeout, and when the signal fires, it is killed with its child
 * processes. No error contains its output: it may be the secret.
 */
export async function runCredentialProgram(
  program: CredentialProgram,
  signal: AbortSignal,
): Promise<ProgramEnd> {
  // Loaded here, because it costs every process a few milliseconds, and few have such programs.
  const { spawn } = await import("node:child_process");
  if (signal.aborted) throw abortError(signal);
  const { command, args, env, timeoutMs, error } = program;
  // A separate process group, so that the children of a script can be killed with it.
  const child = spawn(command, [...args], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...env },
    detached: true,
  });
  const timer = linkedController(signal);
  let hasExited = false;
  try {
    const timeout = sleep(timeoutMs || maxTimerMs, timer.signal).then(
      () => Promise.reject(error(`did not respond within ${timeoutMs} ms`)),
      () => Promise.reject(abortError(signal)),
    );
    const end = await Promise.race([endOf(child, program), timeout]);
    hasExited = true;
    return end;
  } finally {
    timer.abort();
    timer.unlink();
    if (!hasExited) kill(child);
  }
}

/** Sends the input, and collects the output until the program exits. */
function endOf(child: ChildProcess, { input, error }: CredentialProgram): Promise<ProgramEnd> {
  const { stdin, stdout } = child;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.once("error", (cause) => reject(error("cannot be run", cause)));
    stdout?.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > outputLimitBytes) reject(error(`printed more than ${outputLimitBytes} bytes`));
    });
    child.once("close", (status) => resolve({ status, output: Buffer.concat(chunks).toString("utf8") }));
    // A program that does not read its input may still respond.
    stdin?.on("error", () => undefined);
    stdin?.end(input);
  });
}

function kill(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // All processes of the group have exited.
  }
}
