import { fileURLToPath } from "node:url";
import { currentGo, installGo } from "../scripts/interop/go.js";

/** Go's peers, or why they are missing. */
export type GoProgram = { readonly path: string } | { readonly path?: never; readonly missing: string };

const minutes = 60_000;

/**
 * Builds `bench/go`. Without Debian's packages, or with later ones on which it does not compile, the benchmark runs without it and says
 * why.
 */
export async function buildGoProgram(): Promise<GoProgram> {
  const path = fileURLToPath(new URL("../.cache/bench-go", import.meta.url));
  try {
    const go = await installGo(currentGo, { log: console.error });
    await go.build(fileURLToPath(new URL("go", import.meta.url)), path, { timeoutMs: 20 * minutes });
    return { path };
  } catch (error) {
    const text = String(error instanceof Error ? error.message : error);
    console.error(text);
    return { missing: text.split("\n")[0] ?? "" };
  }
}
