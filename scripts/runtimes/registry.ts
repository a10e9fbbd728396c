import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lastLines, startDaemon } from "./daemon.js";
import { waitFor } from "./wait.js";

/** A running image registry. */
export interface Registry {
  readonly port: number;
  /** `http://127.0.0.1:PORT`; image names start with `localhost:PORT/`. */
  readonly url: string;
  readonly pid: number;
  readonly logPath: string;
  /** The credentials of a registry that requires a login. */
  readonly login: { readonly username: string; readonly password: string } | undefined;
  stop(): Promise<void>;
}

/** Options of {@link startRegistry}. */
export interface RegistryOptions {
  /** The path of the `docker-registry` program. */
  readonly program: string;
  /** The folder of the run that the registry belongs to. */
  readonly runDir: string;
  /** The name of the registry's folder inside `runDir`; default `registry`. */
  readonly name?: string;
  /** Whether clients must log in with {@link Registry.login}; default false. */
  readonly requireLogin?: boolean;
  readonly signal?: AbortSignal | undefined;
}

// Node has no bcrypt, so the hash of the only account is precomputed.
const account = { username: "cri-sdk", password: "let-me-in" };
const accountHtpasswd = "cri-sdk:$2y$04$SFBpS3S.n70ml2mKzdxopuGtXbIpM.E/w0ARfFV2xshmFRQFzR10G\n";

/** Starts a registry on a free port of 127.0.0.1 and waits until it responds. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { program, runDir, name = "registry", requireLogin = false, signal } = options;
  const dir = join(runDir, name);
  await mkdir(dir);
  const logPath = join(dir, "registry.log");
  const configPath = join(dir, "config.yml");
  const htpasswd = join(dir, "htpasswd");
  if (requireLogin) await writeFile(htpasswd, accountHtpasswd);
  // Port 0: the registry chooses a free port and logs it.
  const lines = [
    "version: 0.1",
    "log: { level: info, formatter: text }",
    `storage: { filesystem: { rootdirectory: ${JSON.stringify(join(dir, "data"))} }, delete: { enabled: true } }`,
    'http: { addr: "127.0.0.1:0" }',
    ...(requireLogin ? [`auth: { htpasswd: { realm: cri-sdk, path: ${JSON.stringify(htpasswd)} } }`] : []),
  ];
  await writeFile(configPath, `${lines.join("\n")}\n`);
  const daemon = await startDaemon({ file: program, args: ["serve", configPath], runDir, logPath });
  try {
    const port = await waitFor(
      "port of the registry",
      15_000,
      () => listeningPort(logPath, daemon.isAlive()),
      signal,
    );
    const url = `http://127.0.0.1:${port}`;
    const responds = async (): Promise<true | undefined> => {
      const response = await fetch(`${url}/v2/`, { signal: AbortSignal.timeout(5_000) }).catch(
        () => undefined,
      );
      await response?.body?.cancel();
      return response?.status === (requireLogin ? 401 : 200) ? true : undefined;
    };
    await waitFor(`response of the registry at ${url}`, 15_000, responds, signal);
    const login = requireLogin ? account : undefined;
    return { port, url, pid: daemon.pid, logPath, login, stop: () => daemon.end() };
  } catch (error) {
    await daemon.kill();
    throw new Error(`docker-registry did not start. Last lines of its log:\n${lastLines(logPath)}`, {
      cause: error,
    });
  }
}

function listeningPort(logPath: string, isAlive: boolean): number | undefined {
  const found = existsSync(logPath)
    ? /listening on 127\.0\.0\.1:(\d+)/.exec(readFileSync(logPath, "utf8"))
    : null;
  if (found !== null) return Number(found[1]);
  if (!isAlive) throw new Error("docker-registry exited");
  return undefined;
}
