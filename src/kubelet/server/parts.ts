import type { KubeletView } from "../kubelet-view.js";
import type { ProbeCounts } from "./metrics/probe-counts.js";

/** What the kubelet's API shows of the kubelet that it belongs to. */
export interface KubeletServerParts {
  readonly view: KubeletView;
  /** The kubelet's root folder. Its folder `pki` has the self-signed certificate, `checkpoints` the archives of CheckpointContainer. */
  readonly rootDir: string;
  /**
   * The checks of `/healthz` by name, such as `syncloop`: they return undefined when healthy, otherwise the problem.
   * @default only `ping` and `log`, which always pass
   */
  readonly healthChecks?: Readonly<Record<string, () => string | undefined>> | undefined;
  /** The fields of `/configz`, by the names of a KubeletConfiguration. */
  readonly configuration?: (() => Readonly<Record<string, unknown>>) | undefined;
  /** The counts of `/metrics/probes`. @default none */
  readonly probes?: ProbeCounts | undefined;
}
