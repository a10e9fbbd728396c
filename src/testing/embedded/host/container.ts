import { chmod, mkdir } from "node:fs/promises";
import { criError, messageOf, sleep } from "../../../core/index.js";
import type {
  DetailedUsage,
  DiskUsage,
  DriverContainer,
  DriverUser,
  ProcessSpec,
  ResourceUsage,
} from "../driver.js";
import { createRootfs, diskUsageOf, removeTree } from "./container-folder.js";
import { CpuAccount } from "./cpu-account.js";
import { wrongState } from "./errors.js";
import { type Launch, type Launched, prepareLaunch, startErrorOf } from "./launch.js";
import { mountedPaths } from "./mounted-paths.js";
import { killOwned, ownedProcesses, type ProcessClaim, sendSignal } from "./owned-processes.js";
import type { Pipes } from "./pipes.js";
import { HostProcess } from "./process.js";
import { type HostProcessEntry, readProcesses, startTimeNow, startTimeOf } from "./process-table.js";
import { SessionRecords } from "./recovery.js";
import type { StateFolder } from "./state-folder.js";
import { findTerminalCommand, TerminalResizer } from "./terminal.js";
import { readDetails } from "./usage-details.js";
import { containerUser, type ProcessUser, reportedUser } from "./user.js";

/** How long other processes that hold an output open may be silent after its process exited. */
const silence = {
  /** All other processes of the container were killed, except those that escaped. */
  mainMs: 200,
  /** Background processes of an exec keep running, and may print a last line. */
  execMs: 1_000,
};

/** How long readers may take to read the remaining output of a removed container. */
const drainTimeoutMs = 1_000;

/** What is known about a process right after its start. */
interface StartedProcess {
  readonly pid: number;
  readonly number: number;
  readonly tty: boolean;
  /** Deletes the record of its session. */
  readonly deleteRecord: (() => void) | Promise<() => void>;
}

/** A container: a folder, and processes that carry its marker. */
export class HostContainer {
  readonly config: DriverContainer;
  readonly #folder: string;
  readonly #marker: string;
  readonly #pipes: Pipes;
  readonly #records: SessionRecords;
  readonly #cpu = new CpuAccount();
  readonly #processes = new Set<HostProcess>();
  readonly #preparing = new Set<Promise<Launch>>();
  #user: ProcessUser;
  #state: "created" | "running" | "ended" | "removed" = "created";
  #startCount = 0;
  #removal: Promise<void> | undefined;

  constructor(config: DriverContainer, state: StateFolder, pipes: Pipes) {
    this.config = config;
    this.#folder = `${state.containers}/${config.id}`;
    this.#marker = `${state.id}/${config.id}/`;
    this.#pipes = pipes;
    this.#records = new SessionRecords(`${this.#folder}/sessions`, this.#marker);
  }

  /** Identifies all processes of this container. */
  get claim(): ProcessClaim {
    return { marker: this.#marker, sessions: this.#records.all };
  }

  async create(): Promise<DriverUser> {
    this.#user = containerUser(this.config);
    await mkdir(this.#folder, { mode: 0o711 });
    try {
      await chmod(this.#folder, 0o711);
      this.#records.makeFolder();
      await createRootfs(this.#folder, this.config);
      return reportedUser(this.#user);
    } catch (error) {
      await removeTree(this.#folder);
      throw error;
    }
  }

  async start(spec: ProcessSpec): Promise<HostProcess> {
    this.#checkStartable();
    const [program = ""] = spec.args;
    const number = ++this.#startCount;
    const marker = `${this.#marker}${number}/`;
    const rootfs = `${this.#folder}/rootfs`;
    const context = {
      ...{ rootfs, marker, pipes: this.#pipes, user: this.#user, podIp: this.config.pod.ip },
      replacePaths: mountedPaths(rootfs, this.config),
    };
    const preparing = prepareLaunch(spec, context);
    this.#preparing.add(preparing);
    const launch = await preparing.finally(() => this.#preparing.delete(preparing));
    let deleteLaunch = () => {};
    try {
      this.#checkStartable();
      deleteLaunch = this.#records.addLaunch(number, launch.pipeInodes);
    } catch (error) {
      launch.cancel();
      throw error;
    }
    try {
      // Synchronous up to the session record: a removal either prevents the start, or finds the process.
      const launched = launch.start();
      const { pid } = launched.child;
      if (pid === undefined) throw await startErrorOf(launched.child, program);
      const record = (startTime: string) => this.#records.add(number, pid, startTime);
      const startTime = startTimeNow(pid);
      const deleteRecord = startTime === undefined ? startTimeOf(pid).then(record) : record(startTime);
      return await this.#follow(launched, { pid, number, tty: spec.tty, deleteRecord });
    } finally {
      deleteLaunch();
    }
  }

  async #follow(
    { child, stdin, stdout, stderr }: Launched,
    { pid, number, tty, deleteRecord }: StartedProcess,
  ): Promise<HostProcess> {
    const isMain = this.#state === "created";
    if (isMain) this.#state = "running";
    const marker = isMain ? this.#marker : `${this.#marker}${number}/`;
    const process = new HostProcess({
      child,
      stdin,
      stdout,
      stderr,
      tty,
      killAll: () => killOwned(() => ({ ...this.claim, marker })),
      afterExit: async () => {
        if (isMain) await this.#endAll(pid);
      },
      silenceMs: isMain ? silence.mainMs : silence.execMs,
    });
    this.#processes.add(process);
    void process.exit.then(async () => {
      this.#processes.delete(process);
      (await deleteRecord)();
    });
    if (!tty) return process;
    const command = await findTerminalCommand(pid, () => process.isRunning);
    if (command?.terminal) {
      process.terminal = { pid: command.pid, resizer: new TerminalResizer(command.terminal) };
      void process.exit.then(this.#records.add(number, command.pid, command.startTime));
    }
    return process;
  }

  /** Lists the container's running processes. */
  async processes(): Promise<readonly HostProcessEntry[]> {
    return ownedProcesses(await readProcesses(), this.claim);
  }

  /** Measures the container's processes, which are selected from those of all containers. */
  usage(all: readonly HostProcessEntry[]): ResourceUsage | undefined {
    const running = ownedProcesses(all, this.claim);
    const cpuNanos = this.#cpu.add(running);
    if (running.length === 0) return undefined;
    const memoryBytes = running.reduce((sum, entry) => sum + entry.memoryBytes, 0n);
    return { cpuNanos, memoryBytes, processes: running.length };
  }

  async detailedUsage(): Promise<DetailedUsage | undefined> {
    const running = await this.processes();
    const cpuNanos = this.#cpu.add(running);
    if (running.length === 0) return undefined;
    const memoryBytes = running.reduce((sum, entry) => sum + entry.memoryBytes, 0n);
    const details = await readDetails(
      running.map(({ pid }) => pid),
      this.#folder,
    );
    return { cpuNanos, memoryBytes, processes: running.length, ...details };
  }

  diskUsage(): Promise<DiskUsage> {
    return diskUsageOf(this.#folder);
  }

  /** Kills all processes and removes the folder. Concurrent calls share one removal; a failed one can be repeated. */
  remove(): Promise<void> {
    this.#removal ??= this.#remove().catch((error) => {
      this.#removal = undefined;
      throw error;
    });
    return this.#removal;
  }

  async #remove(): Promise<void> {
    this.#state = "removed";
    // Afterwards, launches in preparation are refused, and create no more folders.
    await Promise.allSettled(this.#preparing);
    const remaining = await killOwned(() => this.claim);
    const processes = [...this.#processes];
    const exited = Promise.all(processes.map(({ exit }) => exit));
    const timeout = new AbortController();
    await Promise.race([exited, sleep(drainTimeoutMs, timeout.signal).catch(() => undefined)]);
    timeout.abort();
    for (const process of processes) process.discardOutput();
    if (remaining.length > 0) {
      const text = `processes of container ${this.config.id} do not end after SIGKILL: ${remaining.slice(0, 5).join(", ")}`;
      throw criError("runtime_error", text, { code: "deadline_exceeded" });
    }
    await exited;
    try {
      await removeTree(this.#folder);
    } catch (cause) {
      const text = `cannot remove ${this.#folder}: ${messageOf(cause)}`;
      throw criError("runtime_error", text, { code: "failed_precondition", cause });
    }
  }

  /** Kills all other processes when the main process has exited, as the end of a PID namespace does. */
  async #endAll(pid: number): Promise<void> {
    if (this.#state === "running") this.#state = "ended";
    sendSignal(-pid);
    await killOwned(() => this.claim);
  }

  #checkStartable(): void {
    if (this.#state === "ended")
      throw wrongState(`the main process of container ${this.config.id} has exited`);
    if (this.#state === "removed") throw wrongState(`container ${this.config.id} was removed`);
  }
}
