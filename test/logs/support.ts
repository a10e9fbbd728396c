import type { LogEntry, LogStream } from "../../src/logs/index.js";

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
