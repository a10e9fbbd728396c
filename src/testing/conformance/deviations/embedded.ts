import type { Deviations } from "./index.js";

/** The embedded runtime with processes of this host: what would need isolation. */
export const embeddedHost: Deviations = {
  "container.starts-in-its-directory":
    "without isolation, a folder of the container is called what it is called on the host",
  "streaming.exec-sync-starts-in-the-directory":
    "without isolation, a folder of the container is called what it is called on the host",
};

/** The embedded runtime with programs of a test. */
export const embeddedScripted: Deviations = {
  "errors.create-for-an-unknown-user": "a function of a test runs as no user",
};
