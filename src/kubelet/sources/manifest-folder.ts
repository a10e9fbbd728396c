import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, isCriError, messageOf, rawMessageOf, readRegularFile } from "../../core/index.js";
import { type ParsedManifests, parseManifests } from "../../kubernetes/index.js";

/** The kubelet's limit of a manifest, in bytes. */
const maxFileBytes = 10 * 2 ** 20;

/** A file of the folder. */
export interface ManifestFile {
  readonly path: string;
  /** What was read last without a problem: a file that is being edited does not stop its pods. */
  readonly manifests: ParsedManifests | undefined;
  /** Why the file cannot be used as it is now; undefined for a good one. */
  readonly problem: string | undefined;
}

interface KnownFile extends ManifestFile {
  /** Changes with the content of the file. */
  readonly version: string;
}

/** The manifests of a folder. Files are parsed again only when they have changed. */
export class ManifestFolder {
  readonly #path: string;
  #files: ReadonlyMap<string, KnownFile> = new Map();

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Reads the folder: all of its files but those whose names begin with a period, or end with `~` as those of editors do. A folder that
   * does not exist is empty. Rejects when it cannot be read.
   */
  async read(): Promise<readonly ManifestFile[]> {
    const files = new Map<string, KnownFile>();
    for (const name of await this.#names()) {
      const path = join(this.#path, name);
      const file = await readFile(path, this.#files.get(path));
      if (file) files.set(path, file);
    }
    this.#files = files;
    return [...files.values()];
  }

  async #names(): Promise<readonly string[]> {
    try {
      const names = await readdir(this.#path);
      return names.filter((name) => !name.startsWith(".") && !name.endsWith("~")).sort();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  }
}

/** Returns undefined for a file that does not exist, and for a folder. */
async function readFile(path: string, known: KnownFile | undefined): Promise<KnownFile | undefined> {
  let version = "";
  try {
    const found = await versionOf(path);
    if (found === undefined) return undefined;
    version = found;
    if (known?.version === version) return known;
    const text = await readRegularFile(path, { maxBytes: maxFileBytes });
    // A file that is being written is read again when it has changed: half of it may be a valid manifest.
    if ((await versionOf(path)) !== version)
      return { path, version: "", manifests: known?.manifests, problem: undefined };
    const manifests = parseManifests(text.toString(), { source: path });
    if (isEmpty(manifests)) throw new Error("has no objects");
    return { path, version, manifests, problem: undefined };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    return { path, version, manifests: known?.manifests, problem: problemOf(path, error) };
  }
}

/** Returns a text that changes with the content of a file; undefined for a folder. */
async function versionOf(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true });
  return stats.isDirectory() ? undefined : [stats.dev, stats.ino, stats.size, stats.mtimeNs].join(" ");
}

/** An editor truncates a file before it writes it. */
function isEmpty({ pods, configMaps, secrets }: ParsedManifests): boolean {
  return pods.length + configMaps.length + secrets.length === 0;
}

/** Errors of parsing name the file themselves. */
function problemOf(path: string, error: unknown): string {
  return isCriError(error) ? rawMessageOf(error) : `${path}: ${messageOf(error)}`;
}
