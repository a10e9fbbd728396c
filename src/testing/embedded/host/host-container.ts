import { chmod, mkdir } from "node:fs/promises";
import { CriError, sleep } from "../../../core/index.js";
import type { DriverContainer, ProcessSpec, ResourceUsage } from "../driver.js";
import { belonging, type Claim } from "./belonging.js";
import { fillRootfs } from "./container-folder.js";
import { CpuAccount } from "./cpu-account.js";
import { wrongState } from "./failures.js";
import { HostProcess } from "./host-process.js";
import { type Launch, type Launched, prepareLaunch, whyNotStarted } from "./launch.js";
import type { Pipes } from "./pipes.js";
import { type HostProcessEntry, readProcesses, startNow, startOf } from "./process-table.js";
import { removeTree } from "./remove-tree.js";
import { SessionRecords } from "./session-records.js";
import type { StateFolder } from "./state-folder.js";
import { killNow, sweep } from "./sweep.js";
import { findOnTerminal, TerminalSizer } from "./terminal.js";
import { parseUser } from "./user.js";

/** Once a process has ended: how long others that hold its output may be silent before it is given up. */
const silence = {
  /** The others were killed; whoever escaped that is not waited for. */
  mainMs: 200,
  /** What an exec'd process left in the background lives on, and may have a last word. */
  execMs: 1_000,
};

/** How long the readers of a removed container's outputs have to read the rest. */
const readWithinMs = 1_000;

/** What is known of a process that was started. */
interface Followed {
  readonly pid: number;
  readonly number: number;
  readonly tty: boolean;
  /** Forgets the record of its session. */
  readonly forget: (() => void) | Promise<() => void>;
}

/** A container: a folder, and processes that carry its marker. */
export class HostContainer {
  readonly told: DriverContainer;
  readonly #folder: string;
  readonly #marker: string;
  readonly #pipes: Pipes;
  readonly #records: SessionRecords;
  readonly #account = new CpuAccount();
  readonly #processes = new Set<HostProcess>();
  readonly #preparing = new Set<Promise<Launch>>();
  #state: "created" | "running" | "ended" | "removed" = "created";
  #started = 0;
  #removal: Promise<void> | undefined;

  constructor(told: DriverContainer, state: StateFolder, pipes: Pipes) {
    this.told = told;
    this.#folder = `${state.containers}/${told.id}`;
    this.#marker = `${state.id}/${told.id}/`;
    this.#pipes = pipes;
    this.#records = new SessionRecords(`${this.#folder}/sessions`, this.#marker);
  }

  /** What is left of this container is found by this. */
  get claim(): Claim {
    return { marker: this.#marker, sessions: this.#records.all };
  }

  async create(): Promise<void> {
    parseUser(this.told.user);
    await mkdir(this.#folder, { mode: 0o711 });
    try {
      await chmod(this.#folder, 0o711);
      this.#records.makeFolder();
      await fillRootfs(`${this.#folder}/rootfs`, this.told.mounts);
    } catch (error) {
      await removeTree(this.#folder);
      throw error;
    }
  }

  async start(spec: ProcessSpec): Promise<HostProcess> {
    this.#refuseStart();
    const [program = ""] = spec.args;
    const number = ++this.#started;
    const marker = `${this.#marker}${number}/`;
    const place = { rootfs: `${this.#folder}/rootfs`, marker, pipes: this.#pipes };
    const preparing = prepareLaunch(this.told, spec, place);
    this.#preparing.add(preparing);
    const launch = await preparing.finally(() => this.#preparing.delete(preparing));
    let expected = () => {};
    try {
      this.#refuseStart();
      expected = this.#records.expect(number, launch.pipeNumbers);
    } catch (error) {
      launch.cancel();
      throw error;
    }
    try {
      // Up to here whoever ends the container has prevented the process, and from here it is found.
      const started = launch.start();
      const { pid } = started.child;
      if (pid === undefined) throw await whyNotStarted(started.child, program);
      const record = (start: string) => this.#records.add(number, pid, start);
      const start = startNow(pid);
      const forget = start === undefined ? startOf(pid).then(record) : record(start);
      return await this.#follow(started, { pid, number, tty: spec.tty, forget });
    } finally {
      expected();
    }
  }

  async #follow(
    { child, stdin, stdout, stderr }: Launched,
    { pid, number, tty, forget }: Followed,
  ): Promise<HostProcess> {
    const isMain = this.#state === "created";
    if (isMain) this.#state = "running";
    const process = new HostProcess({
      child,
      stdin,
      stdout,
      stderr,
      tty,
      killAll: () =>
        sweep(() => ({ ...this.claim, marker: isMain ? this.#marker : `${this.#marker}${number}/` })),
      afterEnd: async () => {
        if (isMain) await this.#endAll(pid);
      },
      silenceMs: isMain ? silence.mainMs : silence.execMs,
    });
    this.#processes.add(process);
    void process.exit.then(async () => {
      this.#processes.delete(process);
      (await forget)();
    });
    if (!tty) return process;
    const found = await findOnTerminal(pid, () => process.running);
    if (found?.terminal) {
      process.terminal = { pid: found.pid, sizer: new TerminalSizer(found.terminal) };
      void process.exit.then(this.#records.add(number, found.pid, found.start));
    }
    return process;
  }

  /** The processes of the container that run now. */
  async processes(): Promise<readonly HostProcessEntry[]> {
    return belonging(await readProcesses(), this.claim);
  }

  async usage(): Promise<ResourceUsage | undefined> {
    const running = await this.processes();
    const cpuNanos = this.#account.add(running);
    if (running.length === 0) return undefined;
    const memoryBytes = running.reduce((sum, entry) => sum + entry.memoryBytes, 0n);
    return { cpuNanos, memoryBytes, processes: running.length };
  }

  /** Ends and removes all of it. Joins a removal under way; one that failed may be asked for again. */
  remove(): Promise<void> {
    this.#removal ??= this.#remove().catch((error) => {
      this.#removal = undefined;
      throw error;
    });
    return this.#removal;
  }

  async #remove(): Promise<void> {
    this.#state = "removed";
    // Those that are about to start are refused then, and make no folders any more.
    await Promise.allSettled(this.#preparing);
    const left = await sweep(() => this.claim);
    const processes = [...this.#processes];
    const ended = Promise.all(processes.map(({ exit }) => exit));
    const tooLate = new AbortController();
    await Promise.race([ended, sleep(readWithinMs, tooLate.signal).catch(() => undefined)]);
    tooLate.abort();
    for (const process of processes) process.abandon();
    if (left.length > 0) {
      const text = `processes of the container do not end: ${left.slice(0, 5).join(", ")}`;
      throw new CriError({ code: "deadline_exceeded", reason: "runtime_error", text });
    }
    await ended;
    try {
      await removeTree(this.#folder);
    } catch (cause) {
      const text = `cannot remove ${this.#folder}: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new CriError({ code: "failed_precondition", reason: "runtime_error", text, cause });
    }
  }

  /** As the end of a container's first process does: the end of all others. */
  async #endAll(pid: number): Promise<void> {
    if (this.#state === "running") this.#state = "ended";
    killNow(-pid);
    await sweep(() => this.claim);
  }

  #refuseStart(): void {
    if (this.#state === "ended") throw wrongState(`the container ${this.told.id} has ended`);
    if (this.#state === "removed") throw wrongState(`the container ${this.told.id} was removed`);
  }
}
