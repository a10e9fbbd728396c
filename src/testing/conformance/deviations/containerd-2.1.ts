import type { Deviations } from "./index.js";

/** containerd-2.1. */
export const containerd21: Deviations = {};
