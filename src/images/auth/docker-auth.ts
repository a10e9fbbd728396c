import { homedir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import type { ImageReference } from "../../core/index.js";
import type { AuthFile } from "./auth-file.js";
import { askHelper, type HelperOptions } from "./helper.js";
import type { RegistryCredentials } from "./login.js";
import type { CredentialLookup, CredentialSource } from "./source.js";
import { type AuthPath, credentialsOf, hubKeys, readStored } from "./stored.js";

/**
 * The credentials of `docker login`: of a helper for the registry (`credHelpers`), else of the helper for all (`credsStore`),
 * else of the file itself (`auths`). The file is read at each pull.
 *
 * @param path of the file. Default `config.json` in DOCKER_CONFIG or in `~/.docker`, else `~/.dockercfg`; none is no error
 */
export function dockerAuth(path?: string, options: HelperOptions = {}): CredentialSource {
  return new DockerAuth(path, options);
}

/** Where docker's own file may be, the first that exists counts. */
export function dockerPaths(env: Readonly<Record<string, string | undefined>>): AuthPath[] {
  const home = env.HOME || homedir();
  return [
    { path: join(env.DOCKER_CONFIG || join(home, ".docker"), "config.json"), flat: false, required: false },
    { path: join(home, ".dockercfg"), flat: true, required: false },
  ];
}

/**
 * What the helper for a registry has, by any of the names that it may know it by, else the helper for all; undefined where neither
 * has anything. A registry whose helper is "" has none: the file itself counts.
 */
export async function fromHelpers(
  { credHelpers, credsStore }: AuthFile,
  domain: string,
  servers: readonly string[],
  options: HelperOptions,
  signal: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  const own = keysOf(domain)
    .map((key) => credHelpers.get(key))
    .find((name) => name !== undefined);
  if (own === "") return undefined;
  const helpers = [...new Set([own, credsStore])].filter((name) => name !== undefined);
  for (const helper of helpers)
    for (const server of servers) {
      const found = await askHelper(helper, server, options, signal);
      if (found) return found;
    }
  return undefined;
}

/** What a file itself has for a registry: by its name, then by URLs whose host it is. */
function fromEntries({ entries }: AuthFile, domain: string): RegistryCredentials[] {
  const keys = keysOf(domain);
  const exact = entries.filter(({ key }) => keys.includes(key));
  const alike = entries.filter(({ key }) => !keys.includes(key) && keys.includes(hostOf(key)));
  return [...exact, ...alike].map(credentialsOf).filter((found) => found !== undefined);
}

/** What a registry is called in files; Docker Hub has several names. */
export function keysOf(domain: string): readonly string[] {
  return domain === "docker.io" ? hubKeys : [domain];
}

/** The host of a URL, with or without a scheme. */
export function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

class DockerAuth implements CredentialSource {
  readonly name: string;
  readonly #places: readonly AuthPath[];
  readonly #options: HelperOptions;

  constructor(path: string | undefined, options: HelperOptions) {
    this.#places =
      path === undefined ? dockerPaths(options.env ?? process.env) : [{ path, flat: false, required: true }];
    this.#options = options;
    this.name = `dockerAuth(${path ?? ""})`;
  }

  async find({ domain }: ImageReference, { signal }: CredentialLookup): Promise<RegistryCredentials[]> {
    for (const place of this.#places) {
      const file = await readStored(place, signal);
      if (!file) continue;
      const servers = keysOf(domain).slice(0, 1);
      const found = await fromHelpers(file, domain, servers, this.#options, signal);
      return found ? [found] : fromEntries(file, domain);
    }
    return [];
  }

  // The environment may hold secrets, too.
  [inspect.custom](): string {
    return this.name;
  }
}
