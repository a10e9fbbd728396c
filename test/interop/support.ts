import { type FakeApiServer, startApiServer } from "../../scripts/interop/api-server.js";
import { hostHandlers } from "../../scripts/interop/host-handlers.js";
import { createStreamingServer, type StreamingServer } from "../../src/server/index.js";
import { type Kubectl, openKubectl } from "../support/kubectl.js";

/** A fake cluster of one pod, and kubectl configured for it. */
export interface Cluster extends AsyncDisposable, Pick<Kubectl, "start"> {
  readonly streaming: StreamingServer;
  readonly api: FakeApiServer;
}

/** Starts the servers; kubectl's files are all in `folder`. */
export async function startCluster(
  kubectl: string,
  folder: string,
  webSockets: boolean,
  attachTo: readonly string[],
): Promise<Cluster> {
  const streaming = await createStreamingServer(hostHandlers(attachTo));
  const api = await startApiServer(streaming);
  const { start, stop } = await openKubectl({ kubectl, folder, kubeconfig: kubeconfig(api.url), webSockets });
  return {
    streaming,
    api,
    start,
    async [Symbol.asyncDispose]() {
      await stop();
      await api.close();
      await streaming.close();
    },
  };
}

function kubeconfig(server: string): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server } }],
    users: [{ name: "test", user: {} }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  };
}
