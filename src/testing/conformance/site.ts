import { randomUUID } from "node:crypto";
import type { ConformanceContainer, ConformancePod, SharedStates } from "./context.js";
import type { ConformanceTarget } from "./target.js";
import { Workspace } from "./workspace.js";

/** What the cases of one run share: the target, its main image, one pod, and turns with the other image. */
export class Site {
  readonly target: ConformanceTarget;
  /** Names of this run begin with it. */
  readonly token = `conf-${randomUUID().slice(0, 8)}`;
  readonly #signal: AbortSignal;
  #image: Promise<void> | undefined;
  #workspace: Workspace | undefined;
  #ready: Promise<ConformancePod> | undefined;
  #stopped: Promise<ConformancePod> | undefined;
  #running: Promise<ConformanceContainer> | undefined;
  #states: Promise<SharedStates> | undefined;
  #turn: Promise<void> = Promise.resolve();
  #names = 0;
  // Apart from run to run, for pods of two runs may share an address as well; below the kernel's own choice of ports.
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

  /** Pulls the main image, once in a run. */
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

  /** Resolves when all who asked before are done, with a function that says that its caller is. */
  async turn(): Promise<() => void> {
    const before = this.#turn;
    let done: () => void = () => undefined;
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    return done;
  }

  /** Removes what the cases shared. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#ready, this.#stopped, this.#running, this.#states]);
    await this.#workspace?.close();
  }

  #pod(shared: "ready" | "stopped"): Promise<ConformancePod> {
    this.#workspace ??= new Workspace(this, this.#signal);
    return this.#workspace.pod({
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
