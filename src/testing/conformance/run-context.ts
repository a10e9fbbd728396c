import { randomUUID } from "node:crypto";
import { CaseContext, caseLabel } from "./case-context.js";
import { removeAllOfRun } from "./cleanup.js";
import type { ConformanceContainer, ConformancePod, SharedResources, SharedStates } from "./context.js";
import type { ConformanceTarget } from "./target.js";

/** The context of one run: creates the shared resources on first use and removes them at the end. */
export class RunContext implements SharedResources {
  readonly target: ConformanceTarget;
  /** The prefix of all names of this run. */
  readonly token = `conf-${randomUUID().slice(0, 8)}`;
  readonly #signal: AbortSignal;
  #image: Promise<void> | undefined;
  #caseContext: CaseContext | undefined;
  #ready: Promise<ConformancePod> | undefined;
  #stopped: Promise<ConformancePod> | undefined;
  #running: Promise<ConformanceContainer> | undefined;
  #states: Promise<SharedStates> | undefined;
  #imageLock: Promise<void> = Promise.resolve();
  #names = 0;
  // Random, since pods of two runs may share an address; below the kernel's ephemeral ports.
  #port = 20_000 + Math.floor(Math.random() * 10_000);

  constructor(target: ConformanceTarget, signal: AbortSignal) {
    this.target = target;
    this.#signal = signal;
  }

  name(): string {
    return `${this.token}-${this.#names++}`;
  }

  port(): number {
    return this.#port++;
  }

  mainImage(): Promise<void> {
    this.#image ??= this.#pull();
    return this.#image;
  }

  sharedPod(): Promise<ConformancePod> {
    this.#ready ??= this.#pod("ready");
    return this.#ready;
  }

  stoppedPod(): Promise<ConformancePod> {
    this.#stopped ??= this.#pod("stopped").then(async (pod) => {
      await this.target.cri.runtime.stopPodSandbox({ podSandboxId: pod.id }, { signal: this.#signal });
      return pod;
    });
    return this.#stopped;
  }

  sharedContainer(): Promise<ConformanceContainer> {
    this.#running ??= this.sharedPod().then((pod) =>
      pod.start(this.target.commands.run, {
        workingDir: "/tmp",
        envs: [{ key: "CONFORMANCE_SHARED", value: Buffer.from("a value") }],
      }),
    );
    return this.#running;
  }

  sharedStates(): Promise<SharedStates> {
    this.#states ??= this.#threeStates();
    return this.#states;
  }

  async lockOtherImage(): Promise<() => void> {
    const before = this.#imageLock;
    let release: () => void = () => undefined;
    this.#imageLock = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }

  /** Removes the shared resources, and what a case created after its clean-up, such as a pod whose call outlived the case. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#ready, this.#stopped, this.#running, this.#states]);
    await this.#caseContext?.close();
    await removeAllOfRun(this.target.cri, caseLabel, `${this.token}-`);
  }

  #pod(shared: "ready" | "stopped"): Promise<ConformancePod> {
    this.#caseContext ??= new CaseContext(this, this.#signal);
    return this.#caseContext.pod({
      labels: { "shared-by": this.token, shared, "example.com/tier": "back", empty: "" },
      annotations: { "example.com/note": 'two\nlines, "quotes", ünïcödé 日本', "example.com/empty": "" },
    });
  }

  async #threeStates(): Promise<SharedStates> {
    const pod = await this.sharedPod();
    const { run, exit } = this.target.commands;
    const label = "three-states";
    const labelled = (state: string) => ({ labels: { [label]: this.token, state } });
    const [created, running, exited] = await Promise.all([
      pod.create(run, labelled("created")),
      pod.start(run, labelled("running")),
      pod.start(exit(0), labelled("exited")),
    ]);
    await exited.exited();
    return { created, running, exited, label };
  }

  async #pull(): Promise<void> {
    const { cri, images } = this.target;
    await cri.image.pullImage({ image: { image: images.main } }, { signal: this.#signal });
  }
}
