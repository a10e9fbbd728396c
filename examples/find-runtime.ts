// Where the quickstart gets a runtime from: one that runs on this machine, or else one inside this process.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cri, connect, isCriError } from "cri-sdk";
import { EmbeddedRuntime } from "cri-sdk/testing";

/** A connection to a runtime that was found or started. At the end, what was started is gone. */
export interface FoundRuntime extends AsyncDisposable {
  readonly cri: Cri;
}

/**
 * Connects to this machine's runtime. Where none answers, starts the embedded one on a socket in a temporary folder: it
 * needs no root, no network and no images, since its containers are plain processes of this host.
 */
export async function findRuntime(say: (line: string) => void): Promise<FoundRuntime> {
  try {
    const cri = await connect();
    return { cri, [Symbol.asyncDispose]: () => cri.close() };
  } catch (error) {
    // A runtime that was named, by CONTAINER_RUNTIME_ENDPOINT or in crictl.yaml, and is not there is another matter.
    if (!isCriError(error) || error.reason !== "no_runtime") throw error;
  }
  say("No runtime answers on this machine, so this is the embedded one: containers are processes of");
  say("this host, not isolated, and images are names. For a real one, start it and run this again.\n");
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
    return { cri, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
