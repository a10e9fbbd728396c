import type { LogEnd, LogEntry, LogReader, LogStream } from "../../src/logs/index.js";
import { until } from "../support/waiting.js";

/** A record of a CRI log; it has its number as seconds and as nanoseconds of its time. */
export function record(number: number, stream: LogStream, tag: "P" | "F", content: string): string {
  const second = new Date(1_764_000_000_000 + number * 1_000).toISOString().slice(0, 19);
  return `${second}.${String(number).padStart(9, "0")}Z ${stream} ${tag} ${content}\n`;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function texts(entries: readonly LogEntry[]): string[] {
  return entries.map(({ text }) => text);
}

/** Somebody who reads in the background, to the end. */
export class Follower {
  readonly reader: LogReader;
  readonly entries: LogEntry[] = [];
  readonly ended: Promise<LogEnd>;
  /** What the loop failed with. */
  readonly failure: Promise<unknown>;

  constructor(reader: LogReader) {
    this.reader = reader;
    this.ended = reader.ended;
    this.failure = this.#read().then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  get texts(): string[] {
    return texts(this.entries);
  }

  /** Waits until a line of this text was given. */
  async has(text: string): Promise<void> {
    await until(() => this.entries.some((entry) => entry.text === text), `a line ${text}`, 10_000);
  }

  async stop(): Promise<void> {
    await this.reader.close();
    await this.failure;
  }

  async #read(): Promise<void> {
    for await (const entry of this.reader) this.entries.push(entry);
  }
}
