import { access, readdir, readFile, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../../core/index.js";

/**
 * Reads files of this node below a root folder. What is missing or may not be read is absent: facts are read by processes without
 * privileges and in containers, too.
 */
export class HostFiles {
  readonly #root: string;

  /** @param root "/", or in tests the folder of a node that is made of files */
  constructor(root = "/") {
    this.#root = root;
  }

  /** Returns the text of a file; undefined when it cannot be read. */
  text(path: string): Promise<string | undefined> {
    return unlessFileError(() => readFile(join(this.#root, path), "utf8"));
  }

  /** Returns the content of a file; undefined when it cannot be read. */
  bytes(path: string): Promise<Buffer | undefined> {
    return unlessFileError(() => readFile(join(this.#root, path)));
  }

  /** Returns the names in a folder, sorted; none when it cannot be read. */
  async names(path: string): Promise<readonly string[]> {
    const names = await unlessFileError(() => readdir(join(this.#root, path)));
    return names?.sort() ?? [];
  }

  /** Reports whether a file or folder exists and is visible. */
  async exists(path: string): Promise<boolean> {
    const found = await unlessFileError(async () => {
      await access(join(this.#root, path));
      return true;
    });
    return found ?? false;
  }

  /** Returns the size of the file system that a path is on, or will be on once it exists; undefined when it is unknown. */
  async fileSystemBytes(path: string): Promise<bigint | undefined> {
    for (let folder = path; ; folder = dirname(folder)) {
      const found = await unlessFileError(() => statfs(join(this.#root, folder), { bigint: true }));
      if (found !== undefined) return found.blocks * found.bsize;
      if (folder === dirname(folder)) return undefined;
    }
  }
}

async function unlessFileError<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
