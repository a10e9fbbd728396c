import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Subject } from "./support.js";

/** The ports of test/support/programs/pod-services.mjs, and a closed port. */
export const ports = {
  http: 8_080,
  /** Echoes the received bytes. */
  echo: 7_001,
  /** Sends 100 MiB. */
  source: 7_002,
  /** Receives 16 MiB and replies with their hash. */
  sink: 7_003,
  /** Replies to a line after 1.5 s. */
  late: 7_004,
  /** Never stops sending. */
  endless: 7_005,
  closed: 9,
} as const;

/** Runs a process of this machine in a pod's network namespace: the test image has no server for many connections. */
export async function servePod({ cri }: Subject, podSandboxId: string): Promise<AsyncDisposable> {
  const { info } = await cri.runtime.podSandboxStatus({ podSandboxId, verbose: true });
  const { pid } = JSON.parse(info.info ?? "{}") as { pid?: number };
  if (!pid) throw new Error("the runtime does not report the pid of the sandbox");
  const program = fileURLToPath(new URL("../support/programs/pod-services.mjs", import.meta.url));
  const child = spawn("nsenter", [`--net=/proc/${pid}/ns/net`, process.execPath, program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  await Promise.race([
    once(child.stdout, "data"),
    ended.then(([code]) => Promise.reject(new Error(`the pod's services exited with ${code}`))),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
