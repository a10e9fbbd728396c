import type { Image } from "../../../../gen/runtime/v1/api_pb.js";
import type { ConformanceContext } from "../context.js";

/** PullImage's answer. */
export async function pull({ image }: ConformanceContext, name: string): Promise<string> {
  return (await image.pullImage({ image: { image: name } })).imageRef;
}

/** ImageStatus's image; undefined where there is none. */
export async function look({ image }: ConformanceContext, name: string): Promise<Image | undefined> {
  return (await image.imageStatus({ image: { image: name } })).image;
}

/** RemoveImage. */
export async function remove({ image }: ConformanceContext, name: string): Promise<void> {
  await image.removeImage({ image: { image: name } });
}

/** The portable form of an id: some runtimes put the algorithm before it, and others take it without only. */
export function bare(id: string | undefined): string {
  return id?.replace(/^sha256:/, "") ?? "";
}
