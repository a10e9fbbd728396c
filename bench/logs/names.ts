/** The loops over a log that are measured. Go's read lines by `bufio`, or entries with their time, as the kubelet does. */
export const goLoops = { "Go, lines": "lines", "Go, entries": "entries" } as const;
export type GoLoop = keyof typeof goLoops;

/** The loops for Node. */
export const loopNames = [
  "readline",
  "readline, on('line')",
  "bytes to a stream",
  "bytes to a pipeline",
  "entries in batches",
  "entries in batches, no text",
  "entries one by one",
] as const;
export type LoopName = (typeof loopNames)[number];

/** The minimum speed of each loop, relative to readline's: 2.6 times is about 1 GB/s on a quiet machine. */
export const logGoals: Readonly<Partial<Record<LoopName, number>>> = {
  "bytes to a stream": 2.6,
  "entries in batches": 1.6,
  "entries one by one": 1,
};
