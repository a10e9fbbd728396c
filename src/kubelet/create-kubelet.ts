import { abortError, criError, onAbort } from "../core/index.js";
import { CloseSteps } from "./close-steps.js";
import type { Kubelet } from "./kubelet.js";
import { type KubeletOptions, kubeletTable } from "./options.js";
import { startKubelet } from "./start-kubelet.js";

/**
 * Starts a kubelet: it runs the Pods of its sources on the runtime of a connection, and reports their statuses. It adopts the pods that an
 * earlier kubelet with the same `rootDir` left running. Waits for a runtime that is not up yet.
 *
 * Rejects with {@link CriError}: `invalid_option`; `name_reserved` while another kubelet uses `rootDir`; `aborted_by_caller` and `deadline`
 * when the signal fires first; `client_closed`; `unreachable` when the port of its API is in use; and with the error of a source that
 * cannot start.
 */
export async function createKubelet(options: KubeletOptions): Promise<Kubelet> {
  kubeletTable.check("createKubelet", options);
  const { signal } = options;
  if (signal?.aborted) throw abortError(signal);
  const steps = new CloseSteps();
  const closing = new AbortController();
  const close = () => {
    closing.abort(criError("client_closed", "the kubelet was closed"));
    return steps.close();
  };
  const removeCallback = onAbort(signal, () => void close());
  steps.add(async () => removeCallback());
  try {
    return await startKubelet(options, { closing: closing.signal, steps, close });
  } catch (error) {
    await close();
    throw signal?.aborted ? abortError(signal) : error;
  }
}
