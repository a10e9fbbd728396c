/** The discovery responses by path: pods and their subresources. */
export const apiResources: Readonly<Record<string, object>> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/apis": { kind: "APIGroupList", apiVersion: "v1", groups: [] },
  "/version": { major: "1", minor: "36", gitVersion: "v1.36.0" },
  "/api/v1": {
    kind: "APIResourceList",
    groupVersion: "v1",
    resources: [
      resource("pods", "Pod", ["get", "list"]),
      resource("pods/exec", "PodExecOptions", ["create", "get"]),
      resource("pods/attach", "PodAttachOptions", ["create", "get"]),
      resource("pods/portforward", "PodPortForwardOptions", ["create", "get"]),
    ],
  },
};

/** Returns a running pod with one container whose stdin is open. */
export function podObject(name: string, containerName: string): object {
  const running = {
    name: containerName,
    ready: true,
    restartCount: 0,
    image: "none",
    imageID: "",
    state: { running: {} },
  };
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name, namespace: "default", uid: "5f0c5e1e-0000-4000-8000-000000000001" },
    spec: { nodeName: "node", containers: [{ name: containerName, image: "none", stdin: true }] },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [running],
    },
  };
}

/** Returns a `Status` object of the Kubernetes API for a failed request. */
export function statusObject(code: number, message: string): object {
  return { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code, message };
}

function resource(name: string, kind: string, verbs: readonly string[]): object {
  return { name, singularName: name === "pods" ? "pod" : "", namespaced: true, kind, verbs };
}
