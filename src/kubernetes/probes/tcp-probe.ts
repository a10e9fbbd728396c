import { connect } from "node:net";
import { onAbort } from "../../core/index.js";
import type { TCPSocketAction } from "../api/index.js";
import { hostOf, joinHostPort, portNumber } from "./address.js";
import { connectionErrorText } from "./connection-errors.js";
import type { ProbeOutcome, ProbeTarget } from "./outcome.js";

/** Makes a `tcpSocket` probe: a connection that opens is a success. It is closed at once. */
export function tcpProbe(
  action: TCPSocketAction,
  { container, podIPs }: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const host = hostOf(action.host, podIPs);
  const port = portNumber(action.port, container, "tcpSocket.port");
  const address = joinHostPort(host, port);
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (outcome: ProbeOutcome) => {
      removeCallback();
      socket.destroy();
      resolve(outcome);
    };
    socket.on("connect", () => end({ result: "success", output: "" }));
    socket.on("error", (error) => end({ result: "failure", output: connectionErrorText(error, address) }));
    const removeCallback = onAbort(signal, () =>
      // Asynchronously, since the callback may run before it is assigned.
      queueMicrotask(() => end({ result: "failure", output: `dial tcp ${address}: i/o timeout` })),
    );
  });
}
