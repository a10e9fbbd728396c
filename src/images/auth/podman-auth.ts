import { homedir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { checkArgument, type ImageReference, option, repositoryOf } from "../../core/index.js";
import { type AuthFile, type AuthPath, credentialsOf, loadAuthFile } from "./auth-file.js";
import type { RegistryCredentials } from "./credentials.js";
import { dockerPaths, fromHelpers, hostOf, keysOf } from "./docker-auth.js";
import { type HelperOptions, helperTable } from "./helper.js";
import type { CredentialLookup, CredentialSource } from "./source.js";

/**
 * Creates a source of the credentials of `podman login`, `skopeo login` and `buildah login`, which CRI-O reads, too. A key of a file
 * is a registry, a namespace in it, or one repository; the most specific key comes first, then the next file. Files are read at each
 * pull. A file that cannot be read is an error only if no other file has credentials.
 *
 * @param path The path of the only file; it must exist. Default: REGISTRY_AUTH_FILE, else `containers/auth.json` in XDG_RUNTIME_DIR and
 * in XDG_CONFIG_HOME, then Docker's files; all of these may be missing.
 */
export function podmanAuth(path?: string, options: HelperOptions = {}): CredentialSource {
  if (path !== undefined) checkArgument("podmanAuth", "path", path, option.string);
  helperTable.check("podmanAuth", options);
  return new PodmanAuth(path, options);
}

class PodmanAuth implements CredentialSource {
  readonly name: string;
  readonly #paths: readonly AuthPath[];
  readonly #options: HelperOptions;

  constructor(path: string | undefined, options: HelperOptions) {
    const env = options.env ?? process.env;
    const only = path ?? (env.REGISTRY_AUTH_FILE || undefined);
    this.#paths = only === undefined ? podmanPaths(env) : [{ path: only, format: "config", required: true }];
    this.#options = options;
    this.name = `podmanAuth(${path ?? ""})`;
  }

  async find(image: ImageReference, { signal }: CredentialLookup): Promise<RegistryCredentials[]> {
    const all: RegistryCredentials[] = [];
    const failures: unknown[] = [];
    for (const path of this.#paths)
      try {
        all.push(...(await this.#fromFile(path, image, signal)));
      } catch (error) {
        if (signal.aborted) throw error;
        failures.push(error);
      }
    // A broken file does not affect the others.
    if (all.length === 0 && failures.length > 0) throw failures[0];
    return all;
  }

  async #fromFile(
    path: AuthPath,
    image: ImageReference,
    signal: AbortSignal,
  ): Promise<readonly RegistryCredentials[]> {
    const file = await loadAuthFile(path, signal);
    if (!file) return [];
    // Podman passes helpers the name of the registry; Docker passes a URL for Docker Hub.
    const servers = [...new Set([image.domain, ...keysOf(image.domain).slice(0, 1)])];
    const found = await fromHelpers(file, image.domain, servers, this.#options, signal);
    return found ? [found] : fromEntries(file, image);
  }

  // The options hold the environment, which may contain secrets.
  [inspect.custom](): string {
    return this.name;
  }
}

/**
 * Returns the file's own credentials for an image: for the repository, each of its namespaces, the registry, and URLs of the registry.
 * Unlike in Docker's files, a path without a scheme is a namespace.
 */
function fromEntries(file: AuthFile, image: ImageReference): readonly RegistryCredentials[] {
  const { entries } = file;
  const segments = repositoryOf(image).split("/");
  const names = segments.map((_, index) => segments.slice(0, segments.length - index).join("/"));
  const keys = keysOf(image.domain);
  const isUrl = (key: string) => /^https?:\/\//.test(key) || /\/v[12]\/?$/.test(key);
  const byUrl = entries.filter(
    ({ key }) => !names.includes(key) && (keys.includes(key) || (isUrl(key) && keys.includes(hostOf(key)))),
  );
  const byName = names.flatMap((name) => entries.filter(({ key }) => key === name));
  return credentialsOf(file, [...byName, ...byUrl]);
}

function podmanPaths(env: Readonly<Record<string, string | undefined>>): AuthPath[] {
  const runtimeDir = env.XDG_RUNTIME_DIR || `/run/containers/${process.getuid?.() ?? 0}`;
  const auth = (folder: string): AuthPath => ({
    path: join(folder, "containers", "auth.json"),
    format: "config",
    required: false,
  });
  // The fallback for XDG_RUNTIME_DIR is Podman's own folder already.
  const first: AuthPath = env.XDG_RUNTIME_DIR
    ? auth(runtimeDir)
    : { path: join(runtimeDir, "auth.json"), format: "config", required: false };
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config");
  return [first, auth(config), ...dockerPaths(env)];
}
