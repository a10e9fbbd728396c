import { randomUUID } from "node:crypto";
import { type Cri, connect } from "cri-sdk";

/** A pod with one idle container, in which the transfers run. */
export interface BenchPod extends AsyncDisposable {
  readonly cri: Cri;
  readonly podSandboxId: string;
  readonly containerId: string;
}

export async function benchPod(endpoint: string, image: string): Promise<BenchPod> {
  const cri = await connect(endpoint);
  const uid = randomUUID();
  const sandboxConfig = {
    metadata: { name: "bench", namespace: "cri-sdk-bench", uid },
    linux: { cgroupParent: `/cri-sdk-bench/${uid}` },
  };
  await cri.image.pullImage({ image: { image } });
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandboxConfig });
  const remove = async () => {
    await cri.runtime.stopPodSandbox({ podSandboxId });
    await cri.runtime.removePodSandbox({ podSandboxId });
    await cri.close();
  };
  try {
    const config = {
      metadata: { name: "main" },
      image: { image },
      command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"],
      linux: {},
    };
    const { containerId } = await cri.runtime.createContainer({ podSandboxId, config, sandboxConfig });
    await cri.runtime.startContainer({ containerId });
    return { cri, podSandboxId, containerId, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
