import type { LogEnd, LogEntry, LogReader, LogStream } from "../../src/logs/index.js";
import { until } from "../support/waiting.js";

/** The time of record `number`: each record is a second and a nanosecond later than the one before. */
export function timeNanosOf(number: number): bigint {
  return BigInt(1_764_000_000_000 + number * 1_000) * 1_000_000n + BigInt(number);
}

/** The same time as a CRI log has it. */
export function timeOf(number: number): string {
  const second = new Date(1_764_000_000_000 + number * 1_000).toISOString().slice(0, 19);
  return `${second}.${String(number).padStart(9, "0")}Z`;
}

/** A record of a CRI log with the time of its number. */
export function record(number: number, stream: LogStream, tag: "P" | "F", content: string): string {
  return `${timeOf(number)} ${stream} ${tag} ${content}\n`;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function texts(entries: readonly LogEntry[]): string[] {
  return entries.map(({ text }) => text);
}

/** Reads a log in the background, to its end. */
export class Follower {
  readonly reader: LogReader;
  readonly entries: LogEntry[] = [];
  readonly ended: Promise<LogEnd>;
  /** The error that the loop threw. */
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

  /** Waits until an entry with this text was returned. */
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
