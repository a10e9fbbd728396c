import { type BackoffOptions, backoffTable, OptionTable, option } from "../../core/index.js";
import type { KubeConfigLike } from "./kube-config.js";

/** Options of {@link apiServer}. */
export interface ApiServerOptions {
  /** A `KubeConfig` of @kubernetes/client-node: where the API server is, and the credentials of this node. */
  readonly kubeConfig?: KubeConfigLike | undefined;
  /**
   * The path of a kubeconfig file, instead of `kubeConfig`. Needs the package @kubernetes/client-node.
   * @default the files of `KUBECONFIG`, `~/.kube/config`, or the service account of the pod that this process runs in
   */
  readonly kubeconfigFile?: string | undefined;
  /**
   * Whether to create the Node, and again when it was deleted. If false, it has to exist; pods are read, and statuses sent, in either case.
   * @default true
   */
  readonly registerNode?: boolean | undefined;
  /**
   * The longest time between two reports of the Node's status, in milliseconds; changes are reported at once.
   * @default 300_000
   */
  readonly nodeStatusReportMs?: number | undefined;
  /**
   * The duration of the Node's Lease in seconds. It is renewed four times in this time.
   * @default 40
   */
  readonly leaseDurationSeconds?: number | undefined;
  /**
   * Whether to write events to the API server.
   * @default true
   */
  readonly writeEvents?: boolean | undefined;
  /**
   * The time limit of one request in milliseconds. Requests for the Lease and for the Node's status have at most 10 s.
   * @default 30_000
   */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * The delays between attempts of what failed.
   * @default from 200 ms to 10 s, doubled each time, with a jitter of 20 %
   */
  readonly retry?: BackoffOptions | undefined;
}

/** The checks of {@link ApiServerOptions}. */
export const apiServerTable = new OptionTable<ApiServerOptions>({
  kubeConfig: (value) =>
    typeof value?.getCurrentCluster === "function" && typeof value.applyToHTTPSOptions === "function"
      ? undefined
      : "must be a KubeConfig of @kubernetes/client-node",
  kubeconfigFile: option.nonEmptyString,
  registerNode: option.boolean,
  nodeStatusReportMs: option.timerMs,
  leaseDurationSeconds: option.wholeNumber(4, 86_400),
  writeEvents: option.boolean,
  requestTimeoutMs: option.timerMs,
  retry: option.nested(backoffTable),
});
