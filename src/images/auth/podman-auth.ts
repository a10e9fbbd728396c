import { homedir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { type ImageReference, repositoryOf } from "../../core/index.js";
import type { AuthFile } from "./auth-file.js";
import { dockerPaths, fromHelpers, hostOf, keysOf } from "./docker-auth.js";
import type { HelperOptions } from "./helper.js";
import type { RegistryCredentials } from "./login.js";
import type { CredentialLookup, CredentialSource } from "./source.js";
import { type AuthPath, credentialsOf, readStored } from "./stored.js";

/**
 * The credentials of `podman login`, `skopeo login` and `buildah login`, which CRI-O reads, too. A file may have them for a
 * registry, a namespace in it, or one repository; the most special come first, then the next file's. Files are read at each pull;
 * one that cannot be read is a failure only where the others have nothing.
 *
 * @param path of the only file. Default REGISTRY_AUTH_FILE, else `containers/auth.json` in XDG_RUNTIME_DIR and in
 * XDG_CONFIG_HOME, and then docker's; none is no error
 */
export function podmanAuth(path?: string, options: HelperOptions = {}): CredentialSource {
  return new PodmanAuth(path, options);
}

class PodmanAuth implements CredentialSource {
  readonly name: string;
  readonly #places: readonly AuthPath[];
  readonly #options: HelperOptions;

  constructor(path: string | undefined, options: HelperOptions) {
    const env = options.env ?? process.env;
    const only = path ?? (env.REGISTRY_AUTH_FILE || undefined);
    this.#places = only === undefined ? podmanPaths(env) : [{ path: only, flat: false, required: true }];
    this.#options = options;
    this.name = `podmanAuth(${path ?? ""})`;
  }

  async find(image: ImageReference, { signal }: CredentialLookup): Promise<RegistryCredentials[]> {
    const all: RegistryCredentials[] = [];
    const failures: unknown[] = [];
    for (const place of this.#places)
      try {
        all.push(...(await this.#fromPlace(place, image, signal)));
      } catch (error) {
        if (signal.aborted) throw error;
        failures.push(error);
      }
    // What is wrong in one file says nothing of what stands in another.
    if (all.length === 0 && failures.length > 0) throw failures[0];
    return all;
  }

  async #fromPlace(
    place: AuthPath,
    image: ImageReference,
    signal: AbortSignal,
  ): Promise<readonly RegistryCredentials[]> {
    const file = await readStored(place, signal);
    if (!file) return [];
    // Podman's tools give helpers the name of a registry; docker's own give those of Docker Hub a URL.
    const servers = [...new Set([image.domain, ...keysOf(image.domain).slice(0, 1)])];
    const found = await fromHelpers(file, image.domain, servers, this.#options, signal);
    return found ? [found] : fromEntries(file, image);
  }

  // The environment may hold secrets, too.
  [inspect.custom](): string {
    return this.name;
  }
}

/**
 * Those for the repository, for each namespace above it, for the registry, and for a URL of the registry. A path without a
 * scheme is a namespace here, and not a part of an address as in docker's files.
 */
function fromEntries({ entries }: AuthFile, image: ImageReference): RegistryCredentials[] {
  const segments = repositoryOf(image).split("/");
  const names = segments.map((_, index) => segments.slice(0, segments.length - index).join("/"));
  const keys = keysOf(image.domain);
  const isUrl = (key: string) => /^https?:\/\//.test(key) || /\/v[12]\/?$/.test(key);
  const alike = entries.filter(
    ({ key }) => !names.includes(key) && (keys.includes(key) || (isUrl(key) && keys.includes(hostOf(key)))),
  );
  return [...names.flatMap((name) => entries.filter(({ key }) => key === name)), ...alike]
    .map(credentialsOf)
    .filter((found) => found !== undefined);
}

function podmanPaths(env: Readonly<Record<string, string | undefined>>): AuthPath[] {
  const runtimeDir = env.XDG_RUNTIME_DIR || `/run/containers/${process.getuid?.() ?? 0}`;
  const auth = (folder: string): AuthPath => ({
    path: join(folder, "containers", "auth.json"),
    flat: false,
    required: false,
  });
  // Without XDG_RUNTIME_DIR the folder is podman's own, and has no other in it.
  const first = env.XDG_RUNTIME_DIR
    ? auth(runtimeDir)
    : { path: join(runtimeDir, "auth.json"), flat: false, required: false };
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config");
  return [first, auth(config), ...dockerPaths(env)];
}
