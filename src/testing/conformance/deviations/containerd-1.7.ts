import type { Deviations } from "./index.js";

/** containerd-1.7. */
export const containerd17: Deviations = {};
