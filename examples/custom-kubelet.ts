// A kubelet with rules of its own: no privileged pods, images by their digests, a label on all of its pods. Usage:
//   npx tsx --conditions=cri-sdk-source examples/custom-kubelet.ts MANIFESTS DIGESTS.json [ROOT]
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type AdmissionCheck, createKubelet, type ImagePolicy, staticPods } from "cri-sdk/kubelet";
import { StartError } from "cri-sdk/kubernetes";
import { findRuntime } from "./find-runtime.js";

const [, , manifests = "manifests", digestsFile = "digests.json", rootDir] = process.argv;
/** By image: `{ "docker.io/library/busybox:1.37": "sha256:…" }`. */
const digests: Record<string, string> = JSON.parse(await readFile(digestsFile, "utf8"));

const denyPrivileged: AdmissionCheck = ({ pod: { spec } }) => {
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  const privileged = all.find(({ securityContext }) => securityContext?.privileged);
  return privileged && { reason: "Privileged", message: `the container ${privileged.name} is privileged` };
};

const pinImage: ImagePolicy = ({ image }) => {
  if (image.includes("@")) return undefined;
  const digest = digests[image];
  if (!digest)
    throw new StartError("ErrImageNeverPull", `the image ${image} has no digest in ${digestsFile}`);
  return { image: `${image.replace(/:[^:/]*$/, "")}@${digest}` };
};

await using found = await findRuntime(console.log);
await using kubelet = await createKubelet({
  cri: found.cri,
  sources: [staticPods(resolve(manifests))],
  rootDir,
  admit: denyPrivileged,
  imagePolicy: pinImage,
  sandboxConfig: (config) => ({ ...config, labels: { ...config.labels, "example.com/team": "blue" } }),
  onEvent: ({ object, reason, message }) => console.log(`${object.name} ${reason}: ${message}`),
});
await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
await kubelet.stop();
