// A minimal container engine for the shim. It knows nothing about CRI. Its images are only names, and its containers are plain
// processes of this host without isolation.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, mkdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { constants } from "node:os";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";

/** The specification of a container. */
export interface EngineSpec {
  readonly image: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The path of its log file; "" for none. */
  readonly logPath: string;
}

/** The streams of a command. */
export interface EngineStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
}

export class EngineContainer {
  readonly id = randomBytes(32).toString("hex");
  readonly spec: EngineSpec;
  readonly createdAt = new Date();
  startedAt: Date | undefined;
  finishedAt: Date | undefined;
  exitCode = 0;
  #main: Task | undefined;
  readonly #commands = new Set<Task>();

  constructor(spec: EngineSpec) {
    this.spec = spec;
  }

  get running(): boolean {
    return this.startedAt !== undefined && this.finishedAt === undefined;
  }

  async start(): Promise<void> {
    const task = await Task.start(this.spec.command, this.spec.env);
    this.#main = task;
    this.startedAt = new Date();
    task.connect({ stdin: undefined, stdout: undefined, stderr: undefined });
    if (this.spec.logPath) task.log(this.spec.logPath);
    void task.exit.then((exitCode) => {
      this.exitCode = exitCode;
      this.finishedAt = new Date();
      for (const command of this.#commands) command.kill("SIGKILL");
    });
  }

  /** Sends SIGTERM, and SIGKILL after the grace. Does nothing to a container that is not running. */
  async stop(graceMs: number): Promise<void> {
    const task = this.#main;
    if (!task || !this.running) return;
    if (graceMs > 0) task.kill("SIGTERM");
    const timer = setTimeout(() => task.kill("SIGKILL"), graceMs);
    await task.exit;
    clearTimeout(timer);
  }

  /** Runs another command in it; resolves with the exit code. */
  async exec(command: readonly string[], streams: EngineStreams, signal: AbortSignal): Promise<number> {
    const task = await this.#command(command, signal);
    task.connect(streams);
    return task.exit;
  }

  /** Runs another command in it; resolves with its output. */
  async run(command: readonly string[], signal: AbortSignal) {
    const { child, exit } = await this.#command(command, signal);
    child.stdin.end();
    const [stdout, stderr, exitCode] = await Promise.all([buffer(child.stdout), buffer(child.stderr), exit]);
    return { stdout, stderr, exitCode };
  }

  async #command(command: readonly string[], signal: AbortSignal): Promise<Task> {
    const task = await Task.start(command, this.spec.env);
    this.#commands.add(task);
    const kill = () => task.kill("SIGKILL");
    signal.addEventListener("abort", kill, { once: true });
    if (signal.aborted) kill();
    void task.exit.then(() => {
      this.#commands.delete(task);
      signal.removeEventListener("abort", kill);
    });
    return task;
  }
}

export class Engine {
  /** The ids of images, by name. */
  readonly images = new Map<string, string>();

  create(spec: EngineSpec): EngineContainer {
    return new EngineContainer(spec);
  }

  pull(name: string): string {
    const id = `sha256:${createHash("sha256").update(name).digest("hex")}`;
    this.images.set(name, id);
    return id;
  }

  /** Connects to a port of a container; all containers share this host's network. */
  async connect(port: number): Promise<Socket> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  }
}

/** A running program. */
class Task {
  readonly child: ChildProcessWithoutNullStreams;
  /** Its exit code, available after its outputs have ended; 128 plus the number for a signal. */
  readonly exit: Promise<number>;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    this.exit = new Promise((resolve) => {
      child.once("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
    // Input to a program that has stopped reading is discarded.
    child.stdin.on("error", () => undefined);
  }

  static async start(command: readonly string[], own: Readonly<Record<string, string>>): Promise<Task> {
    const [program = "", ...args] = command;
    // In its own process group, so that it can be killed with its children.
    const child = spawn(program, args, { env: { PATH: process.env.PATH, ...own }, detached: true });
    await once(child, "spawn");
    return new Task(child);
  }

  connect({ stdin, stdout, stderr }: EngineStreams): void {
    if (stdin) stdin.pipe(this.child.stdin);
    else this.child.stdin.end();
    for (const [from, to] of [
      [this.child.stdout, stdout],
      [this.child.stderr, stderr],
    ] as const)
      if (to) from.pipe(to, { end: false });
      else from.resume();
  }

  /** Writes its output to a file in CRI's log format. */
  log(path: string): void {
    mkdirSync(dirname(path), { recursive: true });
    const file = createWriteStream(path, { flags: "a", mode: 0o640 });
    for (const name of ["stdout", "stderr"] as const)
      createInterface({ input: this.child[name] }).on("line", (line) => {
        file.write(`${new Date().toISOString()} ${name} F ${line}\n`);
      });
    void this.exit.then(() => file.end());
  }

  /** Sends a signal to the program and its children. */
  kill(signal: NodeJS.Signals): void {
    try {
      if (this.child.pid) process.kill(-this.child.pid, signal);
    } catch {
      // The program has ended.
    }
  }
}
