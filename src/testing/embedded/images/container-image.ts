import type { ContainerImage } from "../objects/container.js";
import type { ImageStore } from "./store.js";

/**
 * What a container takes from the image that its config names. Throws `image_missing`, as the store does, when it is not
 * on the node.
 */
export function containerImage(store: ImageStore, reference: string): ContainerImage {
  const node = store.resolve(reference);
  const { env, entrypoint, cmd, workingDir, user = "" } = node.image;
  const id = store.idOf(node);
  const [ref = id] = node.repoDigests;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return { id, ref, env: variables, entrypoint, cmd, workingDir, user };
}
