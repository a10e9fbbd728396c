import { existsSync } from "node:fs";
import { parseEndpoint } from "cri-sdk/transport";
import type { BenchOptions } from "./options.js";

/** A real runtime to include. */
export interface RealRuntime {
  readonly title: string;
  readonly path: string;
  /** An image with a shell that the runtime can pull; undefined if none is known. */
  readonly image?: string | undefined;
  stop(): Promise<void>;
}

const wellKnown = ["/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/cri-dockerd.sock"];

/** Returns the runtime of the options or of this machine; undefined if there is none. */
export async function findRuntime(options: BenchOptions): Promise<RealRuntime | undefined> {
  if (options.withContainerd) return startContainerd();
  const named = options.runtime ?? process.env.CONTAINER_RUNTIME_ENDPOINT;
  if (named === undefined) {
    const path = wellKnown.find((path) => existsSync(path));
    return path === undefined
      ? undefined
      : { title: path, path, image: process.env.IMAGE, stop: async () => undefined };
  }
  const endpoint = parseEndpoint(named);
  if (endpoint.kind !== "unix") throw new Error(`only runtimes on a unix socket are measured, not ${named}`);
  return {
    title: endpoint.url,
    path: endpoint.path,
    image: process.env.IMAGE,
    stop: async () => undefined,
  };
}

async function startContainerd(): Promise<RealRuntime> {
  const { startRuntimes } = await import("../scripts/runtimes/index.js");
  const running = await startRuntimes({ which: ["2.1"] });
  const [runtime] = running.runtimes;
  if (!runtime) throw new Error("no containerd was started");
  const stop = () => running.stop();
  const { busybox } = running.images;
  return { title: `containerd ${runtime.version}`, path: runtime.socketPath, image: busybox, stop };
}
