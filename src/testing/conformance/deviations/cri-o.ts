import type { Deviations } from "./index.js";

/** cri-o. */
export const crio: Deviations = {};
