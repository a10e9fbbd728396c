// Connects the quickstart to a runtime of this machine, or to the embedded runtime if there is none.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cri, connect, isCriError } from "cri-sdk";
import { EmbeddedRuntime } from "cri-sdk/testing";

/** A client of a runtime that was found or started. Disposing it stops a runtime that was started. */
export interface FoundRuntime extends AsyncDisposable {
  readonly cri: Cri;
  /** Whether it is the embedded one, whose containers end with this process. */
  readonly isEmbedded: boolean;
}

/**
 * Connects to the runtime of this machine. If none responds, starts the embedded runtime on a socket in a temporary
 * folder. It needs no root, no network and no images: its containers are plain processes of this host.
 */
export async function findRuntime(say: (line: string) => void): Promise<FoundRuntime> {
  try {
    const cri = await connect();
    return { cri, isEmbedded: false, [Symbol.asyncDispose]: () => cri.close() };
  } catch (error) {
    // A runtime that CONTAINER_RUNTIME_ENDPOINT or crictl.yaml names must respond.
    if (!isCriError(error) || error.reason !== "no_runtime") throw error;
  }
  say("No runtime responds on this machine, so this run uses the embedded one: containers are processes of");
  say(
    "this host without isolation, and images are only names. To use a real one, start it and run this again.\n",
  );
  return startEmbedded();
}

async function startEmbedded(): Promise<FoundRuntime> {
  const folder = await mkdtemp(join(tmpdir(), "cri-sdk-quickstart-"));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const runtime = await EmbeddedRuntime.start({ socket: join(folder, "cri.sock") });
    undo.push(() => runtime.close());
    const cri = await connect(runtime.endpoint);
    undo.push(() => cri.close());
    return { cri, isEmbedded: true, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
