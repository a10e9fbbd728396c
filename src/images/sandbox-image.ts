import type { RuntimeClient } from "../clients/index.js";
import { ImageNameSet } from "./names.js";
import type { NodeImage } from "./node-image.js";

/**
 * Returns a predicate for the sandbox image (pause), which containerd 1.6 does not pin. It holds for the image in the runtime's own
 * configuration, and for every image whose name ends with `/pause`: some runtimes do not report their configuration, and older pods may
 * use the image of an earlier one.
 */
export async function sandboxImageFilter(
  runtime: RuntimeClient,
  signal: AbortSignal,
): Promise<(image: NodeImage) => boolean> {
  const { info } = await runtime.status({ verbose: true }, { signal });
  const configured = new ImageNameSet();
  configured.add(configuredImage(info.config ?? "") ?? "");
  return (image) =>
    configured.includes(image) ||
    [...image.names, ...image.digests].some((name) => /(?:^|\/)pause[:@]/.test(name));
}

/** Reads the name from containerd's configuration: `sandboxImage` up to 1.7, `pinnedImages.sandbox` later. */
function configuredImage(config: string): string | undefined {
  try {
    const { sandboxImage, pinnedImages } = JSON.parse(config) ?? {};
    const image: unknown = sandboxImage ?? pinnedImages?.sandbox;
    return typeof image === "string" && image !== "" ? image : undefined;
  } catch {
    return undefined;
  }
}
