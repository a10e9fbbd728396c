import type { KubeletView } from "../kubelet-view.js";
import type { ProbeCounts } from "./metrics/probe-counts.js";

/** A metric of the kubelet's `/metrics`, besides those that the server has itself. */
export interface KubeletMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly value: number;
}

/** What the kubelet's API shows of the kubelet that it belongs to. */
export interface KubeletServerParts {
  readonly view: KubeletView;
  /** The kubelet's root folder. `pki` in it has the self-signed certificate, `checkpoints` what CheckpointContainer writes. */
  readonly rootDir: string;
  /**
   * The checks of `/healthz` by name, such as `syncloop`: undefined when healthy, else what is wrong.
   * @default only `ping` and `log`, which always pass
   */
  readonly healthChecks?: Readonly<Record<string, () => string | undefined>> | undefined;
  /** The fields of `/configz`, by the names of a KubeletConfiguration. */
  readonly configuration?: (() => Readonly<Record<string, unknown>>) | undefined;
  /** More series of `/metrics`. */
  readonly metrics?: (() => Iterable<KubeletMetric>) | undefined;
  /** The counts of `/metrics/probes`. @default none */
  readonly probes?: ProbeCounts | undefined;
}
