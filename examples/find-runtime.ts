// Where the examples get a runtime from: one that runs on this machine, or else a containerd of their own.
import { type Cri, connect, isCriError } from "cri-sdk";
import { startRuntimes } from "../scripts/runtimes/index.js";

/** A connection, and an image that its runtime can pull. */
export interface ExampleRuntime extends AsyncDisposable {
  readonly cri: Cri;
  readonly image: string;
  /** The cgroup below which pods go; containerd needs one for pod stats. */
  readonly cgroupParent: string;
}

/**
 * Connects to this machine's runtime. Where there is none, root on Debian gets a containerd in a temporary folder,
 * with a registry that holds a busybox image; both are gone at the end.
 */
export async function findRuntime(say: (line: string) => void): Promise<ExampleRuntime> {
  const image = process.env.IMAGE ?? "docker.io/library/busybox:1.37";
  try {
    const cri = await connect();
    return { cri, image, cgroupParent: "/cri-sdk-example", [Symbol.asyncDispose]: () => cri.close() };
  } catch (error) {
    const none = isCriError(error) && error.reason === "no_runtime";
    if (!none || process.platform !== "linux" || process.getuid?.() !== 0) throw error;
  }
  say("no runtime on this machine; starting a containerd of our own (the first time, it is downloaded)");
  const running = await startRuntimes({ which: ["2.1"], log: say });
  try {
    const cri = await connect(running.runtimes[0]?.endpoint);
    const close = async () => {
      await cri.close();
      await running.stop();
    };
    return {
      cri,
      image: running.images.busybox,
      cgroupParent: running.cgroupParent,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await running.stop();
    throw error;
  }
}
