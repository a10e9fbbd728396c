import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { KubeletPlan } from "./programs/kubelet-plan.js";
import { startProgram } from "./programs.js";
import { within } from "./waiting.js";

/** A kubelet in a process of its own, which can be killed. */
export class KubeletProgram {
  readonly #child: ChildProcess;
  readonly #started: Promise<unknown>;
  readonly #exit: Promise<unknown>;

  constructor(plan: KubeletPlan) {
    this.#child = startProgram("kubelet.ts", [JSON.stringify(plan)], { stdio: ["pipe", "pipe", "inherit"] });
    const { stdout } = this.#child;
    if (!stdout) throw new Error("the program has no standard output");
    this.#exit = once(this.#child, "close");
    this.#started = Promise.race([once(stdout, "data"), this.#exit]);
    // Its pipe breaks when it is killed.
    this.#child.stdin?.on("error", () => undefined);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Stops its pods, once it has started, and waits until the process has ended. */
  async stop(): Promise<void> {
    await within(60_000, this.#started, "the start of the kubelet");
    this.#child.stdin?.end();
    await within(120_000, this.#exit, "kubelet.stop()").finally(() => this.kill());
    if (this.#child.exitCode !== 0) throw new Error(`the kubelet ended with ${this.#child.exitCode}`);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exit;
  }
}
