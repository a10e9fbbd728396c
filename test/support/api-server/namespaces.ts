import { type KubeObject, withMetadata } from "./kube-object.js";
import type { ObjectsApi, Target } from "./objects-api.js";
import { resourceNamed, resources } from "./resources.js";

/**
 * Acts as the controllers of Namespaces: a new one gets its default service account and the certificate of the API server, and
 * one that is deleted loses its objects before it disappears. Returns a function that ends it.
 */
export function watchNamespaces(api: ObjectsApi, caCert: string): () => void {
  return api.store.subscribe(({ resource, type, object }) => {
    if (resource === "namespaces" && type === "ADDED") furnish(api, object.metadata.name, caCert);
    const namespace = resource === "namespaces" ? object.metadata.name : object.metadata.namespace;
    if (namespace === undefined || type === "ADDED") return;
    const found = api.store.get("namespaces", "", namespace);
    if (found?.metadata.deletionTimestamp) empty(api, found);
  });
}

function furnish(api: ObjectsApi, namespace: string, caCert: string): void {
  const target = (plural: string): Target => ({
    resource: resourceNamed(plural),
    namespace,
    name: "",
    subresource: "",
  });
  api.create(target("serviceaccounts"), { metadata: { name: "default" } });
  api.create(target("configmaps"), { metadata: { name: "kube-root-ca.crt" }, data: { "ca.crt": caCert } });
}

/** Deletes the objects that are not being deleted yet; without any, removes the Namespace. */
function empty(api: ObjectsApi, namespace: KubeObject): void {
  const { name } = namespace.metadata;
  let left = 0;
  for (const resource of resources.filter(({ namespaced }) => namespaced))
    for (const object of api.store.list(resource.plural, name)) {
      if (object.metadata.deletionTimestamp) left++;
      else if (!api.delete({ resource, namespace: name, name: object.metadata.name, subresource: "" }).isGone)
        left++;
    }
  if (left === 0 && api.store.get("namespaces", "", name))
    api.store.remove("namespaces", { ...withMetadata(namespace, {}), spec: {} });
}
