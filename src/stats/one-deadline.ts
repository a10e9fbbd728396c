import { countdown, timeoutOf } from "../clients/index.js";
import type { CallOptions } from "../core/index.js";

/** The options of several calls under one deadline: each gets what is left of it. Throws `invalid_option`. */
export function oneDeadline(options: CallOptions): () => CallOptions {
  const remainingMs = countdown(timeoutOf("listPodSandboxStats", {}, options));
  return () => ({ ...options, timeoutMs: remainingMs() ?? 0 });
}
