export { type PodList, podList } from "./pod-list.js";
export { type StaticPodsOptions, staticPods } from "./static-pods.js";
