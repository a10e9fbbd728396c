import type { ChildProcess } from "node:child_process";
import {
  abortError,
  type CriError,
  criError,
  linkedController,
  maxTimerMs,
  OptionTable,
  option,
  sleep,
} from "../../core/index.js";
import type { RegistryCredentials } from "./credentials.js";

/** Options of credential helpers. */
export interface HelperOptions {
  /**
   * The timeout of a credential helper in milliseconds; 0 for no limit. Afterwards the helper is killed with its child processes.
   * @default 30_000
   */
  readonly helperTimeoutMs?: number | undefined;
  /**
   * The environment of the helpers. `DOCKER_CONFIG`, `HOME` and similar variables are read from it, too.
   * @default process.env
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The options of {@link HelperOptions}. */
export const helperTable = new OptionTable<HelperOptions>({
  helperTimeoutMs: option.milliseconds,
  env: (value: unknown) =>
    typeof value === "object" && !Array.isArray(value)
      ? undefined
      : { path: "", message: "must be an object" },
});

const outputLimitBytes = 1 << 20;
/** The output of a helper that has no credentials, which is not an error. */
const notFoundOutput = "credentials not found in native keychain";

/**
 * Runs `docker-credential-<name> get` for a registry. Resolves with undefined when the helper has no credentials. Rejects with
 * `credentials_failed`, and as soon as the signal fires. No error contains the helper's output: it may be the secret.
 */
export async function askHelper(
  name: string,
  server: string,
  { helperTimeoutMs = 30_000, env = process.env }: HelperOptions,
  signal: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  // Loaded here, because it costs every program a few milliseconds, and few have helpers.
  const { spawn } = await import("node:child_process");
  if (signal.aborted) throw abortError(signal);
  const program = `docker-credential-${name}`;
  // A separate process group, so that the children of a script can be killed with it.
  const child = spawn(program, ["get"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...env },
    detached: true,
  });
  const timer = linkedController(signal);
  let hasExited = false;
  try {
    const timeout = sleep(helperTimeoutMs || maxTimerMs, timer.signal).then(
      () => Promise.reject(helperError(program, `did not respond within ${helperTimeoutMs} ms`)),
      () => Promise.reject(abortError(signal)),
    );
    const { status, output } = await Promise.race([run(child, program, server), timeout]);
    hasExited = true;
    if (status === 0) return parseCredentials(output, program);
    if (output.trim() === notFoundOutput) return undefined;
    throw helperError(program, status === null ? "was killed" : `exited with code ${status}`);
  } finally {
    timer.abort();
    timer.unlink();
    if (!hasExited) kill(child);
  }
}

/** Sends the name of the registry, and collects the output until the helper exits. */
async function run(child: ChildProcess, program: string, server: string) {
  const { stdin, stdout } = child;
  return await new Promise<{ readonly status: number | null; readonly output: string }>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.once("error", (cause) => reject(helperError(program, "cannot be run", cause)));
    stdout?.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > outputLimitBytes)
        reject(helperError(program, `printed more than ${outputLimitBytes} bytes`));
    });
    child.once("close", (status) => resolve({ status, output: Buffer.concat(chunks).toString("utf8") }));
    // A helper that does not read its input may still respond.
    stdin?.on("error", () => undefined);
    stdin?.end(`${server}\n`);
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

function parseCredentials(output: string, program: string): RegistryCredentials | undefined {
  const response = parseObject(output);
  const { Username: username, Secret: secret } = response ?? {};
  if (typeof username !== "string" || typeof secret !== "string")
    throw helperError(program, "did not print JSON with Username and Secret");
  if (username === "<token>") return { identityToken: secret };
  return username === "" ? undefined : { username, password: secret };
}

function parseObject(text: string): { readonly Username?: unknown; readonly Secret?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function helperError(program: string, what: string, cause?: unknown): CriError {
  return criError("credentials_failed", `credential helper ${program}: ${what}`, {
    hint: `Run the helper by hand: echo REGISTRY | ${program} get`,
    cause,
  });
}
