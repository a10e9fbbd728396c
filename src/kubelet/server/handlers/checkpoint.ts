import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isCriError, rawMessageOf } from "../../../core/index.js";
import { answerJson } from "../answer.js";
import { HttpError } from "../http-error.js";
import { findPod } from "../known-pods.js";
import type { RequestContext } from "../request-context.js";

/** Answers `/checkpoint`: writes a checkpoint of a running container to the kubelet's root folder, and answers with its path. */
export async function checkpoint({ parts, route, query, response, signal }: RequestContext): Promise<void> {
  const { namespace, pod: podName, container: containerName } = route.names;
  const timeout = query.get("timeout") || "0";
  if (!/^\d{1,9}$/.test(timeout))
    throw new HttpError(400, `timeout: must be a number of seconds, got ${timeout}`);
  const pod = findPod(parts.view, route.names);
  if (!pod) throw new HttpError(404, "pod does not exist");
  const container = pod.observed.containers.find(({ name }) => name === containerName);
  if (!container) throw new HttpError(404, `container ${containerName} does not exist`);
  const folder = join(parts.rootDir, "checkpoints");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const time = new Date(parts.view.clock.now()).toISOString().replace(/\.\d+/, "");
  const location = join(folder, `checkpoint-${podName}_${namespace}-${containerName}-${time}.tar`);
  try {
    await parts.view.cri.runtime.checkpointContainer(
      { containerId: container.id, location, timeout: BigInt(timeout) },
      { signal, timeoutMs: 0 },
    );
  } catch (error) {
    if (!isCriError(error)) throw error;
    const name = `${namespace}/${podName}/${containerName}`;
    throw new HttpError(500, `checkpointing of ${name} failed (${rawMessageOf(error)})`);
  }
  answerJson(response, { items: [location] });
}
