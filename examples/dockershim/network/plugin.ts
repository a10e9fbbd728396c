// A call of a CNI plugin: a program that reads its configuration from stdin and prints its result, or its error, to stdout.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { criError } from "cri-sdk/server";

export interface PluginCall {
  readonly command: "ADD" | "DEL";
  /** The name of the program. */
  readonly type: string;
  /** Where the program, and those that it calls, may be. */
  readonly binDirs: readonly string[];
  /** The JSON on its stdin. */
  readonly config: object;
  /** The variables `CNI_…` except for the command and the path. */
  readonly variables: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/**
 * Runs a plugin and returns its stdout. At the timeout it is killed together with the programs that it has started. Cancellation
 * does not end it, since it could leave an address behind that no DEL finds.
 */
export async function runPlugin(call: PluginCall): Promise<string> {
  const { command, type, binDirs, config, variables, timeoutMs } = call;
  const program = await findPlugin(type, binDirs);
  const { PATH = "" } = process.env;
  const env = { PATH, CNI_PATH: binDirs.join(":"), CNI_COMMAND: command, ...variables };
  const child = spawn(program, { env, detached: true, stdio: "pipe" });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
    // A program that has left the group could hold them open.
    child.stdout.destroy();
    child.stderr.destroy();
  }, timeoutMs);
  try {
    // A plugin may exit before it has read everything.
    child.stdin.on("error", () => undefined).end(JSON.stringify(config));
    const output = [text(child.stdout), text(child.stderr)] as const;
    const [stdout, stderr, [exitCode]] = await Promise.all([...output, once(child, "close")]);
    if (exitCode === 0) return stdout;
    throw new Error(errorIn(stdout) ?? (stderr.trim() || `exit code ${exitCode}`));
  } catch (cause) {
    const reason = timedOut ? `no end within ${timeoutMs} ms` : (cause as Error).message;
    throw failure(`CNI plugin ${type} (${command}) failed: ${reason}`, cause);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the path of a plugin's program. */
export async function findPlugin(type: string, binDirs: readonly string[]): Promise<string> {
  for (const dir of binDirs) {
    const program = join(dir, type);
    const exists = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (exists) return program;
  }
  throw failure(`CNI plugin ${type}: no such program in ${binDirs.join(", ")}`);
}

/** Returns the text of an error as the CNI specification defines it; undefined if the plugin printed something else. */
function errorIn(stdout: string): string | undefined {
  try {
    const { msg, details } = JSON.parse(stdout) as { readonly msg?: string; readonly details?: string };
    return msg && details ? `${msg}: ${details}` : msg || undefined;
  } catch {
    return undefined;
  }
}

function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // The group has ended.
  }
}

function failure(text: string, cause?: unknown): Error {
  return criError("runtime_error", text, { code: "unknown", cause });
}
