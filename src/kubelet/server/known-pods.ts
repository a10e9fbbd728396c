import type { ContainerStatus, ObservedContainer, ObservedSandbox } from "../../kubernetes/index.js";
import type { KubeletPod, KubeletView } from "../kubelet-view.js";
import { HttpError } from "./http-error.js";
import type { PathNames } from "./routes.js";

/** Returns the Pod of a path; with several of one name, the one that has not ended. Undefined for an unknown one. */
export function findPod(
  { pods }: Pick<KubeletView, "pods">,
  { namespace, pod, uid }: PathNames,
): KubeletPod | undefined {
  const found = pods().filter(
    ({ pod: { metadata } }) =>
      metadata.namespace === namespace &&
      metadata.name === pod &&
      (uid === undefined || metadata.uid === uid),
  );
  return found.find(({ state }) => state !== "ended" && state !== "rejected") ?? found[0];
}

/** Returns the newest container of this name that the runtime has. Throws 404 for an unknown Pod or container. */
export function containerOf(view: Pick<KubeletView, "pods">, names: PathNames): ObservedContainer {
  const pod = findPod(view, names);
  if (!pod) throw new HttpError(404, "pod does not exist");
  const container = pod.observed.containers.find(({ name }) => name === names.container);
  if (!container) throw new HttpError(404, `container not found ("${names.container}")`);
  return container;
}

/** Returns the sandbox of a Pod that is ready. Throws 404 for an unknown Pod, and 500 for one without such a sandbox. */
export function sandboxOf(view: Pick<KubeletView, "pods">, names: PathNames): ObservedSandbox {
  const pod = findPod(view, names);
  if (!pod) throw new HttpError(404, "pod does not exist");
  const sandbox = pod.observed.sandboxes.find(({ isReady }) => isReady);
  if (!sandbox) throw new HttpError(500, `the pod "${names.pod}" has no sandbox that is ready`);
  return sandbox;
}

/** Returns a container of a Pod's spec, of any kind. */
export function findContainer(
  view: Pick<KubeletView, "pods">,
  names: PathNames,
): { readonly name: string; readonly tty?: boolean } | undefined {
  const {
    containers = [],
    initContainers = [],
    ephemeralContainers = [],
  } = findPod(view, names)?.pod.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].find(
    ({ name }) => name === names.container,
  );
}

/** Returns the status of a container, of any kind. */
export function containerStatus(
  { status }: KubeletPod,
  container: string,
): ContainerStatus<Date> | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status;
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    ({ name }) => name === container,
  );
}

/** Returns CRI's id of a container of `runtime://ID`. */
export function idOfContainer(containerID: string | undefined): string | undefined {
  const id = containerID?.slice(containerID.indexOf("://") + "://".length);
  return containerID?.includes("://") && id !== "" ? id : undefined;
}
