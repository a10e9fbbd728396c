import type { RuntimeClient } from "../../clients/index.js";
import { criError, withDeadline } from "../../core/index.js";
import { execProbe } from "./exec-probe.js";
import { grpcProbe } from "./grpc-probe.js";
import { httpProbe } from "./http-probe.js";
import type { ProbeRunner } from "./outcome.js";
import { tcpProbe } from "./tcp-probe.js";

/**
 * Creates the runner of probes as the kubelet makes them: `exec` by ExecSync; `httpGet`, `tcpSocket` and `grpc` by connections of this
 * process, which must reach the pod's network. Timeouts are in real time.
 */
export function probeRunner(runtime: Pick<RuntimeClient, "execSync">): ProbeRunner {
  return async (probe, target, { timeoutMs, signal }) => {
    const { exec, httpGet, tcpSocket, grpc } = probe;
    if (exec) return await execProbe(runtime, exec, target, { timeoutMs, signal });
    if (httpGet) return await withDeadline({ timeoutMs, signal }, (stop) => httpProbe(httpGet, target, stop));
    if (tcpSocket)
      return await withDeadline({ timeoutMs, signal }, (stop) => tcpProbe(tcpSocket, target, stop));
    if (grpc) return await grpcProbe(grpc, target, { timeoutMs, signal });
    const name = JSON.stringify(target.container.name);
    throw criError(
      "invalid_spec",
      `a probe of container ${name} has none of exec, httpGet, tcpSocket and grpc`,
    );
  };
}
