export { defaultPullPolicy, type PullPolicy } from "./policy.js";
