import type { Deviations } from "../case.js";

/** `examples/dockershim` in front of a Docker Engine, as tested: 20.10.24 and 26.1.5 of Debian. */
export const docker: Deviations = {
  "sandbox.resources-update-is-accepted":
    "a sandbox of the Docker Engine cannot keep new resources: labels do not change, and the pod's cgroup is the kubelet's",
  "errors.create-for-an-unknown-user": "the Docker Engine looks a user up when the container starts",
};
