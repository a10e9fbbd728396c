import type { ApiClient } from "./api-client.js";

/**
 * Deletes a Pod at the API server for good, without a grace period. The uid keeps another Pod of the same name from being deleted.
 *
 * @param path of the Pod
 */
export async function deletePod(
  client: Pick<ApiClient, "request">,
  path: string,
  uid: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const body = {
    ...{ apiVersion: "v1", kind: "DeleteOptions" },
    ...{ gracePeriodSeconds: 0, preconditions: { uid } },
  };
  await client.request("DELETE", path, { body, signal });
}
