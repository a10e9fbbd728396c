import type { Deviations } from "../case.js";

/** The embedded runtime with processes of this host, which lack isolation. */
export const embeddedHost: Deviations = {
  "container.starts-in-its-directory":
    "without isolation, a container sees its working directory under the host's path",
  "streaming.exec-sync-starts-in-the-directory":
    "without isolation, a container sees its working directory under the host's path",
};

/** The embedded runtime with programs that are functions of a test. */
export const embeddedScripted: Deviations = {
  "errors.create-for-an-unknown-user": "a function has no user",
};
