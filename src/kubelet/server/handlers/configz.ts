import { answerJson } from "../answer.js";
import type { RequestContext } from "../request-context.js";

/** Answers `/configz`: the kubelet's options, by the names of a KubeletConfiguration. */
export async function configz({ parts, response }: RequestContext): Promise<void> {
  const kubeletconfig = {
    kind: "KubeletConfiguration",
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    ...parts.configuration?.(),
  };
  answerJson(response, { kubeletconfig });
}
