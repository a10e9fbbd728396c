/** The loops over a log that are measured. */
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

/** What a loop should be at least, in readline's speed. */
export const logGoals: Readonly<Partial<Record<LoopName, number>>> = {
  "bytes to a stream": 5,
  "entries in batches": 1.8,
  "entries one by one": 1,
};
