// A command in a container: one exec instance of the engine.
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { criError } from "cri-sdk/server";
import type { ExecDetails } from "../engine/api.js";
import type { Engine } from "../engine/client.js";
import { killTree } from "./kill-tree.js";
import { detachKeys, type Size } from "./terminal.js";

/** How long the engine may take to report a process that starts or that has ended, in milliseconds. */
const reportMs = 10_000;

export interface Command {
  readonly containerId: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
}

export class ExecProcess {
  readonly #engine: Engine;
  readonly #id: string;
  readonly #command: Command;
  #size: Size | undefined;
  #isOpen = false;

  private constructor(engine: Engine, id: string, command: Command) {
    this.#engine = engine;
    this.#id = id;
    this.#command = command;
  }

  static async create(engine: Engine, command: Command, signal: AbortSignal): Promise<ExecProcess> {
    const body = {
      Cmd: command.command,
      Tty: command.tty,
      AttachStdin: command.stdin,
      // Also outputs that the client does not want: the engine reports a failed start on them.
      AttachStdout: true,
      AttachStderr: true,
      DetachKeys: detachKeys,
    };
    const path = `/containers/${command.containerId}/exec`;
    const { Id } = await engine.call<{ readonly Id: string }>("POST", path, { body, signal });
    return new ExecProcess(engine, Id, command);
  }

  /** Starts the command and returns the connection to its streams. Has no signal: an engine that was asked to start it does so. */
  async start(): Promise<Socket> {
    const { tty } = this.#command;
    const takesSize = await this.#engine.supports("1.42");
    const size = this.#size;
    const body = { Tty: tty, ...(size && takesSize && { ConsoleSize: [size.rows, size.columns] }) };
    const socket = await this.#engine.hijack(`/exec/${this.#id}/start`, { body });
    this.#isOpen = true;
    if (this.#size && (this.#size !== size || !takesSize)) void this.resize(this.#size);
    return socket;
  }

  /** Sets the size of the terminal. Never rejects: a command that has ended has no size. */
  async resize(size: Size): Promise<void> {
    this.#size = size;
    if (!this.#isOpen) return;
    const query = { h: size.rows, w: size.columns };
    await this.#engine.call("POST", `/exec/${this.#id}/resize`, { query }).catch(() => undefined);
  }

  /** Waits until the engine has started the process, or has failed to; then it sends the reason as the output. */
  async hasStarted(): Promise<boolean> {
    return (await this.#details(isStarted)).Pid > 0;
  }

  /** Returns the exit code. The command's output must have ended. */
  async exitCode(): Promise<number> {
    const { ExitCode } = await this.#details(({ Running, ExitCode }) => !Running && ExitCode !== null);
    if (ExitCode !== null) return ExitCode;
    throw criError("exit_unknown", "the engine does not report how the command ended");
  }

  /** Kills the process and its descendants. The engine cannot do that, but it reports the process on this host. */
  async kill(): Promise<void> {
    const { Running, Pid } = await this.#details(isStarted);
    if (Running && Pid > 0) killTree(Pid, this.#command.containerId);
  }

  /** Asks for the details until they are as wanted, or for {@link reportMs}. */
  async #details(areWanted: (details: ExecDetails) => boolean): Promise<ExecDetails> {
    const end = performance.now() + reportMs;
    for (let pauseMs = 5; ; pauseMs = Math.min(2 * pauseMs, 200)) {
      const details = await this.#engine.call<ExecDetails>("GET", `/exec/${this.#id}/json`, {
        timeoutMs: reportMs,
      });
      if (areWanted(details) || performance.now() > end) return details;
      await sleep(pauseMs);
    }
  }
}

/** Whether the start is over: the engine has the process, or an exit code without one. */
function isStarted({ Pid, ExitCode }: ExecDetails): boolean {
  return Pid > 0 || ExitCode !== null;
}
