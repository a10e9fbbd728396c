import { appendFile, mkdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { rotatedLogs } from "../../src/logs/index.js";
import { tempFolder } from "../support/temp.js";

/** An entry of the engine's log: `text` is a whole line or a piece of one. */
export interface EngineEntry {
  readonly stream: "stdout" | "stderr";
  /** The time, in nanoseconds after 2025-11-24T16:00:00Z. */
  readonly nanos: number;
  readonly text: string;
  /** Whether the text does not end its line. */
  readonly partial?: boolean;
}

/** The json-file log of a container, as the engine writes it. */
export class EngineLog {
  readonly path: string;
  readonly entries: EngineEntry[] = [];

  constructor(path: string) {
    this.path = path;
  }

  static async create(t: TestContext): Promise<EngineLog> {
    const log = new EngineLog(join(await tempFolder(t), "containers", "id-json.log"));
    await mkdir(dirname(log.path));
    await appendFile(log.path, "");
    return log;
  }

  async append(...entries: readonly EngineEntry[]): Promise<void> {
    this.entries.push(...entries);
    await appendFile(this.path, entries.map(engineLine).join(""));
  }

  /** Appends a line per text, with the next times. */
  async print(...texts: readonly string[]): Promise<void> {
    const first = this.entries.length;
    await this.append(
      ...texts.map((text, index) => ({ stream: "stdout" as const, nanos: (first + index) * 1_000, text })),
    );
  }

  async rotate(maxFiles: number): Promise<void> {
    await rm(`${this.path}.${maxFiles - 1}`, { force: true });
    for (let number = maxFiles - 2; number >= 0; number--)
      await rename(number > 0 ? `${this.path}.${number}` : this.path, `${this.path}.${number + 1}`).catch(
        () => undefined,
      );
    await appendFile(this.path, "");
  }

  /** What a complete copy contains. */
  get copy(): string {
    return this.entries.map(record).join("");
  }
}

/** The record of an entry in a CRI log. */
export function record({ stream, nanos, text, partial }: EngineEntry): string {
  return `2025-11-24T16:00:00.${String(nanos).padStart(9, "0")}Z ${stream} ${partial ? "P" : "F"} ${text}\n`;
}

function engineLine({ stream, nanos, text, partial }: EngineEntry): string {
  // Go omits the zeros at the end of a fraction.
  const time = `2025-11-24T16:00:00.${String(nanos).padStart(9, "0")}`.replace(/\.?0*$/, "Z");
  return `${JSON.stringify({ log: partial ? text : `${text}\n`, stream, time })}\n`;
}

/** The content of a log in CRI's format with its rotated files. */
export async function contentOf(path: string): Promise<string> {
  const files = [...(await rotatedLogs(path)).map((file) => file.path), path];
  return (await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")))).join("");
}
