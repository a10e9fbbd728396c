import { manifestCases } from "../support/manifests/manifests.cases.js";
import type { Subject } from "./support.js";

/** The manifests of examples/manifests, in real containers. */
export function playedManifestCases(subject: () => Subject): void {
  manifestCases(
    () => {
      const { cri, running } = subject();
      return { cri, image: running.images.busybox, options: { node: { cgroupRoot: running.cgroupParent } } };
    },
    { isolated: true },
  );
}
