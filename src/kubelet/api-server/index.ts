// The API server of a cluster as a source of Pods.
export { ApiServerError, type ApiServerErrorDetails } from "./api-error.js";
export { type ApiServerSource, apiServer } from "./api-server.js";
export type { KubeConfigLike } from "./kube-config.js";
export { type ApiServerOptions, apiServerTable } from "./options.js";
