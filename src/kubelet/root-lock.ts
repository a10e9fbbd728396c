import { criError, isCriError } from "../core/index.js";
import { PlayRecords } from "../kubernetes/index.js";

const identity = { namespace: "", name: "kubelet", uid: "kubelet" } as const;

/**
 * Locks a root folder for this process, and returns a function that unlocks it. The lock of a process that has died is taken over.
 * Rejects with `name_reserved` while another kubelet has it, in this process or in another one.
 */
export async function lockRoot(rootDir: string): Promise<() => Promise<void>> {
  const records = new PlayRecords(rootDir, "lock");
  try {
    await records.claim(identity);
  } catch (error) {
    if (!isCriError(error) || error.reason !== "name_reserved") throw error;
    throw criError("name_reserved", `createKubelet: another kubelet uses the folder ${rootDir}`, {
      hint: "Close it, or pass another `rootDir`",
      cause: error,
    });
  }
  return () => records.release(identity.uid);
}
