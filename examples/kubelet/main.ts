// A kubelet: the Pods of a folder, of an API server or of both, on a runtime of this machine or on the embedded one.
//
//   npm run kubelet -- --manifests DIR
//   npm run kubelet -- --kubeconfig FILE --client-ca FILE
//
// It prints a line for each event. Ctrl-C and SIGTERM close it, and the pods keep running; with --stop, they are stopped first.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isCriError } from "cri-sdk";
import { apiServer, createKubelet, type KubeletOptions, staticPods } from "cri-sdk/kubelet";
import { findRuntime } from "../find-runtime.js";
import { stopRequest } from "../stop-request.js";
import { type Command, readCommand, UsageError, usage } from "./command.js";
import { eventLine } from "./event-line.js";

/** Returns the sources of Pods, and the API that serves kubectl where there is an API server. */
async function connections(
  command: Command,
): Promise<Pick<KubeletOptions, "sources"> & Partial<Pick<KubeletOptions, "server">>> {
  const { manifests, kubeconfig, clientCa, port } = command;
  const folder = manifests === undefined ? [] : [staticPods(manifests)];
  if (kubeconfig === undefined) return { sources: folder };
  const api = apiServer({ kubeconfigFile: kubeconfig });
  return {
    sources: [...folder, api],
    server: {
      port,
      clientCa: clientCa === undefined ? undefined : await readFile(clientCa),
    },
  };
}

async function run(command: Command): Promise<void> {
  const stop = stopRequest();
  await using found = await findRuntime(console.log);
  const { cri, isEmbedded } = found;
  // Containers of the embedded runtime end with this process, so nothing of their pods has to survive it.
  const ownFolder =
    isEmbedded && command.rootDir === undefined
      ? await mkdtemp(join(tmpdir(), "cri-sdk-kubelet-"))
      : undefined;
  try {
    await using kubelet = await createKubelet({
      cri,
      ...(await connections(command)),
      nodeName: command.nodeName,
      rootDir: command.rootDir ?? ownFolder,
      readOnlyPort: { port: command.readOnlyPort },
      ...(isEmbedded && {
        withoutMounts: "allow",
        eviction: false,
        imageGarbageCollection: false,
        cgroups: false,
      }),
      onEvent: (event) => console.log(eventLine(event)),
    });
    console.log(`the node ${kubelet.nodeName}; status page: ${kubelet.statusUrl}`);
    if (kubelet.serverUrl !== undefined) console.log(`the kubelet's API: ${kubelet.serverUrl}`);
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      stop.addEventListener("abort", () => resolve(), { once: true });
    });
    if (command.stop || isEmbedded) await kubelet.stop();
  } finally {
    if (ownFolder !== undefined) await rm(ownFolder, { recursive: true, force: true });
  }
}

try {
  const command = readCommand(process.argv.slice(2));
  if (command === "help") console.log(usage);
  else await run(command);
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.exitCode = isUsage ? 2 : 1;
  if (!isUsage && !isCriError(error)) throw error;
  console.error(isUsage ? `${error.message}\n\n${usage}` : error.message);
}
