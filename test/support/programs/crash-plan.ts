import type { Container, Cri, PodsOptions } from "../../../src/index.js";

/** The pod and the container to create, before the crash and again after it. */
export interface Plan {
  readonly how: "run" | "ensure";
  readonly pods: PodsOptions;
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
}

/** Creates a pod with a running container. */
export async function createContainer(cri: Cri, { how, name, image, command }: Plan): Promise<Container> {
  const pod = { name, namespace: "cri-sdk-test" };
  const container = { name: "main", image, command };
  if (how === "run") return cri.pods.runContainer(pod, container);
  const ensured = await cri.pods.ensure(pod);
  return (await ensured.pod.ensureContainer(container)).container;
}
