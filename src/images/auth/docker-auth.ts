import { homedir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { checkArgument, type ImageReference, option } from "../../core/index.js";
import {
  type AuthFile,
  type AuthPath,
  credentialsOf,
  hubKeys,
  loadAuthFile,
  throwProblems,
} from "./auth-file.js";
import type { RegistryCredentials } from "./credentials.js";
import { askHelper, type HelperOptions, helperTable } from "./helper.js";
import type { CredentialLookup, CredentialSource } from "./source.js";

/**
 * Creates a source of the credentials of `docker login`: from the registry's helper (`credHelpers`), else from the common helper
 * (`credsStore`), else from the file itself (`auths`). The file is read at each pull.
 *
 * @param path The path of the file; it must exist. Default: `config.json` in DOCKER_CONFIG or `~/.docker`, else `~/.dockercfg`; both
 * may be missing.
 */
export function dockerAuth(path?: string, options: HelperOptions = {}): CredentialSource {
  if (path !== undefined) checkArgument("dockerAuth", "path", path, option.string);
  helperTable.check("dockerAuth", options);
  return new DockerAuth(path, options);
}

/** Returns the default paths of Docker's file. The first file that exists counts. */
export function dockerPaths(env: Readonly<Record<string, string | undefined>>): AuthPath[] {
  const home = env.HOME || homedir();
  return [
    {
      path: join(env.DOCKER_CONFIG || join(home, ".docker"), "config.json"),
      format: "config",
      required: false,
    },
    { path: join(home, ".dockercfg"), format: "dockercfg", required: false },
  ];
}

/**
 * Asks the helper of a registry, else the common helper, by each name in `servers`. Returns undefined when neither has credentials, or
 * when the registry's helper is "", which means the file itself.
 */
export async function fromHelpers(
  { name, credHelpers, credsStore }: AuthFile,
  domain: string,
  servers: readonly string[],
  options: HelperOptions,
  signal: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  const own = keysOf(domain)
    .map((key) => credHelpers.get(key))
    .find((helper) => helper !== undefined);
  if (own === "") return undefined;
  const helpers = [...new Set([own, credsStore])].filter((helper) => helper !== undefined);
  for (const helper of helpers)
    for (const server of servers) {
      if (typeof helper !== "string") throwProblems(name, [helper]);
      else {
        const found = await askHelper(helper, server, options, signal);
        if (found) return found;
      }
    }
  return undefined;
}

/** Returns the file's own credentials for a registry: by its name, then by URLs with its host. */
function fromEntries(file: AuthFile, domain: string): readonly RegistryCredentials[] {
  const { entries } = file;
  const keys = keysOf(domain);
  const exact = entries.filter(({ key }) => keys.includes(key));
  const byUrl = entries.filter(({ key }) => !keys.includes(key) && keys.includes(hostOf(key)));
  return credentialsOf(file, [...exact, ...byUrl]);
}

/** Returns the names of a registry in auth files; Docker Hub has several. */
export function keysOf(domain: string): readonly string[] {
  return domain === "docker.io" ? hubKeys : [domain];
}

/** Returns the host of a URL, with or without a scheme. */
export function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

class DockerAuth implements CredentialSource {
  readonly name: string;
  readonly #paths: readonly AuthPath[];
  readonly #options: HelperOptions;

  constructor(path: string | undefined, options: HelperOptions) {
    this.#paths =
      path === undefined
        ? dockerPaths(options.env ?? process.env)
        : [{ path, format: "config", required: true }];
    this.#options = options;
    this.name = `dockerAuth(${path ?? ""})`;
  }

  async find(
    { domain }: ImageReference,
    { signal }: CredentialLookup,
  ): Promise<readonly RegistryCredentials[]> {
    for (const path of this.#paths) {
      const file = await loadAuthFile(path, signal);
      if (!file) continue;
      const servers = keysOf(domain).slice(0, 1);
      const found = await fromHelpers(file, domain, servers, this.#options, signal);
      return found ? [found] : fromEntries(file, domain);
    }
    return [];
  }

  // The options hold the environment, which may contain secrets.
  [inspect.custom](): string {
    return this.name;
  }
}
