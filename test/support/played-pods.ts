import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Cri, connect } from "../../src/index.js";
import { type PlayPodOptions, type Pod, playPod } from "../../src/kubernetes/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "./cleanup.js";
import { checkLeaks } from "./leaks.js";
import type { CrashNode } from "./pod-cases/play-crash.js";
import { tempFolder } from "./temp.js";
import { within } from "./waiting.js";

/** An embedded runtime with processes of this host, and a folder for the files of its pods. */
export async function playground(
  t: TestContext,
): Promise<{ cri: Cri; runtime: EmbeddedRuntime; rootDir: string }> {
  checkLeaks(t);
  const rootDir = await tempFolder(t);
  const runtime = await EmbeddedRuntime.start({});
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const cri = connect.through({ transport: runtime.transport });
  cleanup(t, () => cri.close());
  return { cri, runtime, rootDir };
}

/** An embedded runtime on a socket, for programs that are killed. */
export async function crashNode(t: TestContext): Promise<CrashNode & { readonly runtime: EmbeddedRuntime }> {
  const rootDir = await tempFolder(t);
  const runtime = await EmbeddedRuntime.start({ socket: join(rootDir, "r.sock") });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const endpoint = runtime.endpoint ?? "";
  const cri = await connect(endpoint);
  cleanup(t, () => cri.close());
  const image = "docker.io/library/busybox:1.37";
  await cri.images.ensure(image);
  return { cri, endpoint, rootDir, image, runtime };
}

/** Plays a Pod whose containers run shell scripts, and stops it after the test. */
export async function play(
  t: TestContext,
  { cri, rootDir }: { readonly cri: Cri; readonly rootDir: string },
  manifest: string | Pod,
  options: PlayPodOptions = {},
) {
  const pod = await playPod(cri, manifest, { rootDir, ...options });
  cleanup(t, () => within(30_000, pod[Symbol.asyncDispose](), "the stop of the pod"));
  return pod;
}

/** A container that runs a shell script. */
export function script(name: string, text: string) {
  return { name, image: "docker.io/library/busybox:1.37", command: ["sh", "-c", text] };
}
