// The differences for a sample when containers are processes of this host.
import { join } from "node:path";
import type { RuntimeLike } from "../../../src/testing/index.js";
import type { Fence } from "./pages.js";

/** The image that the samples use. */
export const sampleImage = "docker.io/library/busybox:1.37";

/** The pages with samples whose output depends on the runtime, or that failed on CRI-O once. */
const dependent = ["calls", "configs", "endpoints", "pods", "port-forward", "stats"].map(
  (name) => `docs/${name}.md`,
);

/** Returns the runtimes that the embedded one imitates for a sample. */
export function likesOf({ page }: Fence): readonly RuntimeLike[] {
  return dependent.includes(page) ? ["containerd-2.1", "cri-o"] : ["containerd-2.1"];
}

/** The folder with programs of BusyBox that this host may lack. The PATH of the image begins with it. */
export const imagePrograms = join(import.meta.dirname, "image");

/** Replacements that give a sample its own files and ports on this host. */
export function changesFor(folder: string, port: number): ReadonlyMap<string | RegExp, string> {
  return new Map<string | RegExp, string>([
    // Without isolation, a container sees the files of the host.
    ["/etc/app", join(folder, "app")],
    ["/tmp/", `${folder}/`],
    // Pods share the ports of the host.
    [/\b8080\b/g, `${port}`],
  ]);
}
