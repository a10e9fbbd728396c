import { join } from "node:path";
import {
  type CriError,
  checkArgument,
  criError,
  type ImageReference,
  isRecord,
  OptionTable,
  option,
  repositoryOf,
} from "../../core/index.js";
import {
  type CredentialLookup,
  type CredentialSource,
  keyMatches,
  keyring,
  type RegistryCredentials,
  runCredentialProgram,
} from "../../images/index.js";
import { clockCheck } from "../argument-checks.js";
import { parseDuration } from "../messages.js";
import { type Clock, systemClock } from "../worker/clock.js";

/** A credential provider of the kubelet: an element of `providers` in a `CredentialProviderConfig` (kubelet.config.k8s.io/v1). */
export interface CredentialPlugin {
  /** The name of the program in `binDir`. */
  readonly name: string;
  /** The images that the plug-in is asked for, such as `*.dkr.ecr.*.amazonaws.com` and `registry.example/team`. */
  readonly matchImages: readonly string[];
  /** How long credentials are used where the plug-in does not say so, as a Go duration such as "12h"; "0s" for no cache. */
  readonly defaultCacheDuration: string;
  /** The version of the plug-in's requests and responses. */
  readonly apiVersion: "credentialprovider.kubelet.k8s.io/v1";
  /** Arguments of the program. @default none */
  readonly args?: readonly string[] | undefined;
  /** Variables of the program, in addition to those of this process. @default none */
  readonly env?:
    | readonly {
        /** The name of the variable. */
        readonly name: string;
        /** Its value. */
        readonly value: string;
      }[]
    | undefined;
}

/** Options of {@link credentialPlugins}. */
export interface CredentialPluginsOptions {
  /** The folder of the programs: the kubelet's `--image-credential-provider-bin-dir`. */
  readonly binDir: string;
  /** `providers` of the kubelet's `--image-credential-provider-config`. */
  readonly providers: readonly CredentialPlugin[];
  /** How long a program may run, in milliseconds. @default 60_000 */
  readonly timeoutMs?: number | undefined;
  /** The time source of the cache. @default the clock of this machine */
  readonly clock?: Clock | undefined;
}

const maxTimeoutMs = 2 ** 31 - 1;
const v1 = "credentialprovider.kubelet.k8s.io/v1";

const pluginTable = new OptionTable<CredentialPlugin>({
  name: option.required((value: string) =>
    typeof value === "string" && /^[^/\s]+$/.test(value) && value !== "." && value !== ".."
      ? undefined
      : "must be the name of a file, without slashes and spaces",
  ),
  matchImages: option.required((value: readonly string[]) =>
    Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string" && one !== "")
      ? undefined
      : "must be a list of at least one pattern",
  ),
  defaultCacheDuration: option.required((value: string) =>
    typeof value === "string" && parseDuration(value) !== undefined
      ? undefined
      : 'must be a duration of 0 or more, such as "10m"',
  ),
  apiVersion: option.required(option.oneOf(v1)),
  args: option.listOf(option.string),
  env: option.listOf(
    option.nested(
      new OptionTable<{ readonly name: string; readonly value: string }>({
        name: option.required(option.nonEmptyString),
        value: option.required(option.string),
      }),
    ),
  ),
});

const optionTable = new OptionTable<CredentialPluginsOptions>({
  binDir: option.required(option.nonEmptyString),
  providers: option.required(option.listOf(option.nested(pluginTable))),
  timeoutMs: option.wholeNumber(1, maxTimeoutMs),
  clock: clockCheck,
});

/**
 * Creates the source of the credentials that the kubelet's credential provider plug-ins return, such as those of ECR, ACR and GCR. Each
 * plug-in whose patterns match an image is run with a `CredentialProviderRequest` on its input, unless an earlier response covers the image. A
 * plug-in that fails, takes too long or prints something else does not hinder the others; the pull then fails with its error if the other
 * credentials do not suffice. Plug-ins that need tokens of service accounts (`tokenAttributes`) are refused: these come from an API server.
 */
export function credentialPlugins(options: CredentialPluginsOptions): CredentialSource {
  optionTable.check("credentialPlugins", options);
  const { binDir, providers, timeoutMs = 60_000, clock = systemClock } = options;
  const plugins = providers.map((provider) => new Plugin(provider, binDir, timeoutMs, clock));
  return {
    name: "credentialPlugins()",
    async find(image, lookup) {
      checkArgument("credentialPlugins", "image", image, option.object);
      const repository = repositoryOf(image);
      const asked = plugins.filter((plugin) => plugin.matches(repository));
      const results = await Promise.allSettled(asked.map((plugin) => plugin.find(image, lookup)));
      lookup.signal.throwIfAborted();
      const found = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
      const failed = results.find((result) => result.status === "rejected");
      if (found.length === 0 && failed) throw failed.reason;
      return found;
    },
  };
}

/** What a response covers: one repository, a registry, or everything. */
type CacheKeyType = "Image" | "Registry" | "Global";
const cacheKeyTypes: readonly unknown[] = ["Image", "Registry", "Global"] satisfies CacheKeyType[];

interface Response {
  readonly source: CredentialSource;
  readonly cacheKeyType: CacheKeyType;
  readonly cacheMs: number;
}

class Plugin {
  readonly #plugin: CredentialPlugin;
  readonly #command: string;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #cache = new Map<string, { readonly source: CredentialSource; readonly untilMs: number }>();

  constructor(plugin: CredentialPlugin, binDir: string, timeoutMs: number, clock: Clock) {
    this.#plugin = plugin;
    this.#command = join(binDir, plugin.name);
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  matches(repository: string): boolean {
    return this.#plugin.matchImages.some((pattern) => keyMatches(pattern, repository));
  }

  async find(image: ImageReference, lookup: CredentialLookup): Promise<readonly RegistryCredentials[]> {
    const keys = {
      Image: `image ${repositoryOf(image)}`,
      Registry: `registry ${image.domain}`,
      Global: "all",
    };
    const nowMs = this.#clock.now();
    for (const [key, { untilMs }] of this.#cache) if (untilMs <= nowMs) this.#cache.delete(key);
    const known = [keys.Image, keys.Registry, keys.Global].map((key) => this.#cache.get(key)).find(Boolean);
    if (known) return await known.source.find(image, lookup);
    const { source, cacheKeyType, cacheMs } = await this.#ask(repositoryOf(image), lookup.signal);
    if (cacheMs > 0) this.#cache.set(keys[cacheKeyType], { source, untilMs: nowMs + cacheMs });
    return await source.find(image, lookup);
  }

  async #ask(image: string, signal: AbortSignal): Promise<Response> {
    const { args = [], env = [], apiVersion } = this.#plugin;
    const request = { apiVersion, kind: "CredentialProviderRequest", image };
    const { status, output } = await runCredentialProgram(
      {
        command: this.#command,
        args,
        env: { ...process.env, ...Object.fromEntries(env.map(({ name, value }) => [name, value])) },
        input: JSON.stringify(request),
        timeoutMs: this.#timeoutMs,
        error: (what, cause) => this.#error(what, cause),
      },
      signal,
    );
    if (status !== 0) throw this.#error(status === null ? "was killed" : `exited with code ${status}`);
    return this.#read(output);
  }

  #read(output: string): Response {
    const response = parseObject(output);
    const { apiVersion, kind, cacheKeyType, cacheDuration, auth } = response ?? {};
    if (kind !== "CredentialProviderResponse" || apiVersion !== this.#plugin.apiVersion)
      throw this.#error(`did not print a CredentialProviderResponse of ${this.#plugin.apiVersion}`);
    if (!isCacheKeyType(cacheKeyType))
      throw this.#error("printed a response whose cacheKeyType is not Image, Registry or Global");
    const cacheMs = parseDuration(cacheDuration ?? this.#plugin.defaultCacheDuration);
    if (cacheMs === undefined) throw this.#error("printed a response whose cacheDuration is not a duration");
    if (auth !== undefined && auth !== null && !isRecord(auth))
      throw this.#error("printed a response whose auth is not an object");
    try {
      return { source: keyring({ auths: auth ?? {} }), cacheKeyType, cacheMs };
    } catch (cause) {
      throw this.#error("printed credentials that are not valid", cause);
    }
  }

  #error(what: string, cause?: unknown): CriError {
    return criError("credentials_failed", `credential plug-in ${this.#command}: ${what}`, { cause });
  }
}

function isCacheKeyType(value: unknown): value is CacheKeyType {
  return cacheKeyTypes.includes(value);
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
