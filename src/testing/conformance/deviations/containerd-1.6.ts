import type { Deviations } from "./index.js";

/** containerd-1.6. */
export const containerd16: Deviations = {};
