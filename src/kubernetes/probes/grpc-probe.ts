import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../gen/grpc/health/v1/health_pb.js";
import { createTransport, fromTransportError } from "../../transport/index.js";
import type { GRPCAction } from "../api/index.js";
import { hostOf, joinHostPort } from "./address.js";
import type { ProbeOutcome, ProbeTarget } from "./outcome.js";

/** Reasons of a dial that failed. */
const notConnected = new Set(["connection_refused", "unreachable", "handshake_timeout", "not_grpc"]);

/**
 * Makes a `grpc` probe: calls `grpc.health.v1.Health/Check` without TLS. Only the status SERVING is a success. Connecting is attempted
 * until the timeout, as in the kubelet.
 */
export async function grpcProbe(
  { port, service = "" }: GRPCAction,
  { podIPs }: ProbeTarget,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ProbeOutcome> {
  const address = joinHostPort(hostOf(undefined, podIPs), port);
  const transport = createTransport(`tcp://${address}`, {
    connectAttempts: 1_000,
    connectTimeoutMs: timeoutMs,
    userAgent: "kube-probe/1.37",
  });
  const within = `within ${timeoutMs / 1_000}s`;
  try {
    const { message } = await transport.unary(Health.method.check, signal, timeoutMs, undefined, { service });
    if (message.status === ServingStatus.SERVING) return { result: "success", output: "service healthy" };
    const [name = message.status] =
      Object.entries(ServingStatus).find(([, number]) => number === message.status) ?? [];
    return { result: "failure", output: `service unhealthy (responded with "${name}")` };
  } catch (cause) {
    const error = fromTransportError(cause, { method: "Check", endpoint: transport.endpoint.url });
    const failed = (output: string): ProbeOutcome => ({ result: "failure", output });
    if (notConnected.has(error.reason))
      return failed(`timeout: failed to connect service "${address}" ${within}: ${error.rawMessage}`);
    if (error.code === "deadline_exceeded") return failed(`timeout: health rpc did not complete ${within}`);
    if (error.code === "unimplemented")
      return failed(
        `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.rawMessage}`,
      );
    return failed(`error: health rpc probe failed: ${error.rawMessage}`);
  } finally {
    await transport.close();
  }
}
