import { type ChildProcess, spawn } from "node:child_process";
import { CriError, invalidOption, maxTimerMs, sleep, stoppedError } from "../../core/index.js";
import type { RegistryCredentials } from "./login.js";

/** How a credential helper is run. */
export interface HelperOptions {
  /**
   * How long a credential helper may take, in milliseconds; it is killed then, with all that it started. 0 for no limit.
   * @default 30_000
   */
  readonly helperTimeoutMs?: number | undefined;
  /**
   * The environment: of the helpers, and where `DOCKER_CONFIG`, `HOME` and the like are looked up.
   * @default process.env
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

const answerLimitBytes = 1 << 20;
/** The words with which a helper says that it has nothing, which is no failure. */
const nothingStored = "credentials not found in native keychain";

/**
 * Asks `docker-credential-NAME` for what it has for a registry; undefined where it has nothing. Rejects with
 * `credentials_failed`, and as soon as the signal fires. What a helper printed is in no error: it may be the secret.
 */
export async function askHelper(
  name: string,
  server: string,
  { helperTimeoutMs = 30_000, env = process.env }: HelperOptions,
  signal: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  if (signal.aborted) throw stoppedError(signal);
  if (!(helperTimeoutMs >= 0)) throw invalidOption("helperTimeoutMs", helperTimeoutMs, "must be 0 or more");
  const program = `docker-credential-${name}`;
  // A process group of its own: a helper is often a script, and what it started goes with it.
  const child = spawn(program, ["get"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...env },
    detached: true,
  });
  const over = new AbortController();
  let ended = false;
  try {
    const late = sleep(helperTimeoutMs || maxTimerMs, AbortSignal.any([signal, over.signal])).then(
      () => Promise.reject(failed(program, `did not answer within ${helperTimeoutMs} ms`)),
      () => Promise.reject(stoppedError(signal)),
    );
    const { status, output } = await Promise.race([conversation(child, program, server), late]);
    ended = true;
    if (status === 0) return credentialsIn(output, program);
    if (output.trim() === nothingStored) return undefined;
    throw failed(program, status === null ? "was killed" : `exited with ${status}`);
  } finally {
    over.abort();
    if (!ended) kill(child);
  }
}

async function conversation(child: ChildProcess, program: string, server: string) {
  const { stdin, stdout } = child;
  return await new Promise<{ readonly status: number | null; readonly output: string }>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.once("error", (cause) => reject(failed(program, "cannot be run", cause)));
    stdout?.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > answerLimitBytes) reject(failed(program, `printed more than ${answerLimitBytes} bytes`));
    });
    child.once("close", (status) => resolve({ status, output: Buffer.concat(chunks).toString("utf8") }));
    // One that does not read its input may still answer.
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
    // The whole group has gone by itself.
  }
}

function credentialsIn(output: string, program: string): RegistryCredentials | undefined {
  const answer = parsed(output);
  const { Username: username, Secret: secret } = answer ?? {};
  if (typeof username !== "string" || typeof secret !== "string")
    throw failed(program, "did not answer with a Username and a Secret in JSON");
  if (username === "<token>") return { identityToken: secret };
  return username === "" ? undefined : { username, password: secret };
}

function parsed(text: string): { readonly Username?: unknown; readonly Secret?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function failed(program: string, what: string, cause?: unknown): CriError {
  return new CriError({
    code: "failed_precondition",
    reason: "credentials_failed",
    text: `the credential helper ${program} ${what}`,
    hint: `Run it by hand: echo REGISTRY | ${program} get`,
    cause,
  });
}
