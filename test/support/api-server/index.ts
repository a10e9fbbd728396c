// A small Kubernetes API server with real semantics, for tests of the kubelet.
export { type ApiServer, type ApiServerOptions, type CutOffOptions, createApiServer } from "./api-server.js";
export type { AuditEntry } from "./audit.js";
export type { AccessRule } from "./authorization.js";
export { CertificateAuthority, type KeyPair } from "./certificates.js";
export {
  type ChooseNode,
  type Controller,
  type Replicas,
  startNodeTaints,
  startReplicas,
  startScheduler,
} from "./controllers.js";
export type { Failure } from "./faults.js";
export { type JsonObject, type JsonValue, listAt, numberAt, objectAt, textAt, valueAt } from "./json.js";
export type { KubeMetadata, KubeObject } from "./kube-object.js";
export { kubeconfig } from "./kubeconfig.js";
export { type StoredPod, startTestCluster, TestCluster } from "./test-cluster.js";
