import { createHash } from "node:crypto";
import type { JsonObject } from "./json.js";
import { groupVersion, resources } from "./resources.js";

/**
 * Returns the OpenAPI v3 documents that kubectl reads: which groups there are, and for each kind that its patches have the parameter
 * `fieldValidation`, for which kubectl looks before it sends one. They describe no types.
 */
export function openApi(path: string): JsonObject | undefined {
  if (path === "/openapi/v3") {
    const entries = versions().map((one) => {
      const root = pathOf(one);
      const hash = createHash("sha256").update(one).digest("hex");
      return [root, { serverRelativeURL: `/openapi/v3/${root}?hash=${hash}` }];
    });
    return { paths: Object.fromEntries(entries) };
  }
  const of = /^\/openapi\/v3\/(.+)$/.exec(path)?.[1];
  return of !== undefined && versions().map(pathOf).includes(of) ? document(of) : undefined;
}

function versions(): string[] {
  return [...new Set(resources.map(groupVersion))];
}

function pathOf(groupAndVersion: string): string {
  return groupAndVersion.includes("/") ? `apis/${groupAndVersion}` : `api/${groupAndVersion}`;
}

function document(root: string): JsonObject {
  const query = (name: string): JsonObject => ({
    name,
    in: "query",
    schema: { type: "string", uniqueItems: true },
  });
  const parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(query);
  const paths = resources
    .filter((one) => pathOf(groupVersion(one)) === root)
    .map((one) => {
      const gvk = { group: one.group, version: one.version, kind: one.kind };
      const operation = {
        operationId: `patch${one.kind}`,
        parameters,
        responses: { 200: { description: "OK" } },
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": gvk,
      };
      const path = `/${root}/${one.namespaced ? "namespaces/{namespace}/" : ""}${one.plural}/{name}`;
      return [path, { patch: operation }];
    });
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.36.0" },
    paths: Object.fromEntries(paths),
    components: { schemas: {} },
  };
}
