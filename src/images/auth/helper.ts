import { type CriError, criError, OptionTable, option } from "../../core/index.js";
import type { RegistryCredentials } from "./credentials.js";
import { runCredentialProgram } from "./run-program.js";

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
  const program = `docker-credential-${name}`;
  const { status, output } = await runCredentialProgram(
    {
      command: program,
      args: ["get"],
      env,
      input: `${server}\n`,
      timeoutMs: helperTimeoutMs,
      error: (what, cause) => helperError(program, what, cause),
    },
    signal,
  );
  if (status === 0) return parseCredentials(output, program);
  if (output.trim() === notFoundOutput) return undefined;
  throw helperError(program, status === null ? "was killed" : `exited with code ${status}`);
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
