import type { Container, Cri, PodsOptions } from "../../../src/index.js";

/** What is made, the same before and after the crash. */
export interface Plan {
  readonly how: "run" | "ensure";
  readonly pods: PodsOptions;
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
}

/** Makes a pod with a container that runs. */
export async function make(cri: Cri, { how, name, image, command }: Plan): Promise<Container> {
  const pod = { name, namespace: "cri-sdk-test" };
  const container = { name: "main", image, command };
  if (how === "run") return cri.pods.runContainer(pod, container);
  const ensured = await cri.pods.ensure(pod);
  return (await ensured.pod.ensureContainer(container)).container;
}
