import type { ApiServer } from "./api-server.js";
import type { KeyPair } from "./certificates.js";
import type { JsonObject } from "./json.js";

/** How a client proves who it is. */
export type Credentials = { readonly token: string } | { readonly certificate: KeyPair } | undefined;

/** Returns a kubeconfig as an object: as JSON it is also a kubeconfig file. */
export function kubeconfig(server: ApiServer, credentials: Credentials, namespace = "default"): JsonObject {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const isHttps = server.url.startsWith("https:");
  const user: JsonObject = !credentials
    ? {}
    : "token" in credentials
      ? { token: credentials.token }
      : {
          "client-certificate-data": base64(credentials.certificate.cert),
          "client-key-data": base64(credentials.certificate.key),
        };
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "test",
        cluster: {
          server: server.url,
          ...(isHttps && { "certificate-authority-data": base64(server.ca.cert) }),
        },
      },
    ],
    users: [{ name: "test", user }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace } }],
    "current-context": "test",
  };
}
