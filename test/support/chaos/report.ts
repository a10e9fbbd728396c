import type { Chaos } from "../../../src/testing/index.js";

/** The faults of a proxy in one line: `seed 12: 345 faults (delay 200, fail 100, …)`. */
export function faultLine({ seed, counts, total }: Chaos): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return `seed ${seed}: ${total} faults (${parts.map(([fault, count]) => `${fault} ${count}`).join(", ")})`;
}
