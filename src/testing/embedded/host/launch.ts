import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fchownSync, fstatSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { DriverContainer, ProcessSpec } from "../driver.js";
import { environmentOf } from "./environment.js";
import { notStarted, systemCode } from "./failures.js";
import type { Pipes } from "./pipes.js";
import { findProgram, workingDirOf } from "./program.js";
import { onTerminal } from "./terminal.js";
import { becomeUser, parseUser } from "./user.js";

/** A process that can be started at once: all that has to be waited for is done. */
export interface Launch {
  /** The numbers of the pipes that it writes, where the system has such. */
  readonly pipeNumbers: readonly number[];
  /** Starts it. A child without a pid could not be: {@link whyNotStarted}. */
  start(): Launched;
  /** Closes the pipes, of a process that is not to be started. */
  cancel(): void;
}

/** A process that was started, with this process's ends of its pipes. */
export interface Launched {
  readonly child: ChildProcess;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
}

/** Where a container is. */
export interface Place {
  readonly rootfs: string;
  readonly marker: string;
  readonly pipes: Pipes;
}

/** Looks up everything that a process needs. */
export async function prepareLaunch(
  { user }: DriverContainer,
  { args, env: given, workingDir, tty, stdin, size }: ProcessSpec,
  { rootfs, marker, pipes }: Place,
): Promise<Launch> {
  const [program = "", ...rest] = args;
  const identity = becomeUser(parseUser(user));
  const cwd = await workingDirOf(rootfs, workingDir, program);
  const env = environmentOf(given, { rootfs, workingDir: cwd, marker, tty });
  const found = await findProgram(program, env.PATH ?? "", cwd, rootfs);
  const command = tty
    ? {
        ...(await onTerminal([program.includes("/") ? found : program, ...rest], env, size)),
        name: undefined,
      }
    : { file: found, args: rest, env, name: program };
  const input = stdin ? await pipes.input() : undefined;
  const output = await pipes.output();
  // On a terminal, this end of it carries what the program that makes the terminal has to say.
  const errors = tty ? undefined : await pipes.output();
  const ends = [input, output, errors].flatMap((pipe) => pipe ?? []);
  const options: SpawnOptions = {
    cwd,
    env: command.env,
    // A session of its own: its process group is killed as one, and no terminal of ours is in its reach.
    detached: true,
    stdio: [input?.far ?? "ignore", output.far, (errors ?? output).far],
    ...identity,
    ...(command.name === undefined ? {} : { argv0: command.name }),
  };
  const closeFar = () => {
    for (const { far } of ends) if (typeof far === "number") closeSync(far);
  };
  const closeNear = () => {
    for (const { near } of ends) near?.destroy();
  };
  const cancel = () => {
    closeFar();
    closeNear();
  };
  const start = (): Launched => {
    try {
      const { uid, gid } = identity;
      // So that the process may open them by name.
      if (uid !== undefined)
        for (const { far } of ends) if (typeof far === "number") fchownSync(far, uid, gid ?? uid);
      const child = spawn(command.file, command.args, options);
      closeFar();
      if (child.pid === undefined) closeNear();
      const stdout = output.near ?? child.stdout;
      if (!stdout) throw new Error("the process has no output");
      return {
        child,
        stdin: input && (input.near ?? child.stdin ?? undefined),
        stdout,
        stderr: errors && (errors.near ?? child.stderr ?? undefined),
      };
    } catch (error) {
      cancel();
      throw startFailure(program, error);
    }
  };
  const pipeNumbers = [output, ...(errors ? [errors] : [])].flatMap(({ far }) =>
    typeof far === "number" ? fstatSync(far).ino : [],
  );
  return { pipeNumbers, start, cancel };
}

/** Why a child that has no pid could not be started. */
export async function whyNotStarted(child: ChildProcess, program: string): Promise<Error> {
  const [error] = await once(child, "error");
  return startFailure(program, error);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory, or its interpreter is missing",
  EACCES: "permission denied",
  EPERM: "permission denied: this user may not start it so",
  ENOTDIR: "no such file or directory: a part of its path is a file",
  E2BIG: "argument list too long",
  ENAMETOOLONG: "no such file or directory: its name is too long",
  ENOEXEC: "exec format error",
  EAGAIN: "the host allows no more processes",
  ENOMEM: "the host has no memory for it",
};

function startFailure(program: string, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  return notStarted(program, reasons[systemCode(error) ?? ""] ?? message, error);
}
