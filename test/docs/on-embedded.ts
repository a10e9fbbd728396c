// What is different for a sample when containers are processes of this host. Nothing else is.
import { join } from "node:path";

/** The image of the samples. */
export const sampleImage = "docker.io/library/busybox:1.37";

/** The runtime that the samples show by name. */
export const like = "containerd-2.1";

/** Programs of BusyBox that this host need not have. The image's PATH begins with their folder. */
export const imagePrograms = join(import.meta.dirname, "image");

/** What is replaced in a sample, so that it finds a place of its own on this host. */
export function changesFor(folder: string, port: number): ReadonlyMap<string | RegExp, string> {
  return new Map<string | RegExp, string>([
    // Without isolation, a container's files are this host's.
    ["/etc/app", join(folder, "app")],
    ["/tmp/", `${folder}/`],
    // Pods share this host's ports.
    [/\b8080\b/g, `${port}`],
  ]);
}
