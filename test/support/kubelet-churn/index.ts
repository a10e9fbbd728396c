export { type ChurnNode, type ChurnPlan, checkKubeletChurn } from "./kubelet-churn.js";
