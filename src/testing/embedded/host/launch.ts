import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fchownSync, fstatSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { codeOf, messageOf } from "../../../core/index.js";
import type { ProcessSpec } from "../driver.js";
import { notStarted } from "./errors.js";
import type { Pipes } from "./pipes.js";
import { markerName } from "./process-table.js";
import { findProgram, resolveWorkingDir } from "./program.js";
import { wrapInTerminal } from "./terminal.js";
import { type ProcessUser, spawnIdentity } from "./user.js";

/** A prepared process. Starting it is synchronous. */
export interface Launch {
  /** The inodes of its output pipes; empty on systems where Node creates the pipes. */
  readonly pipeInodes: readonly number[];
  /** Starts the process. A child without a pid failed to start; see {@link startErrorOf}. */
  start(): Launched;
  /** Closes the pipes of a process that is not going to be started. */
  cancel(): void;
}

/** A started process, with this side's ends of its pipes. */
export interface Launched {
  readonly child: ChildProcess;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
}

/** The surroundings of a process that its container determines. */
export interface LaunchContext {
  readonly rootfs: string;
  /** Replaces the paths of mounts in an argument or environment variable. */
  readonly replacePaths: (text: string) => string;
  readonly marker: string;
  readonly pipes: Pipes;
  readonly user: ProcessUser;
  /** The address of the pod; undefined on the host's network. */
  readonly podIp: string | undefined;
}

/** Prepares a process. Rejects with `exec_not_started` when its program or working directory cannot be used. */
export async function prepareLaunch(
  { args, env: ownEnv, workingDir, tty, stdin, size }: ProcessSpec,
  { rootfs, replacePaths, marker, pipes, user, podIp }: LaunchContext,
): Promise<Launch> {
  // The program keeps its name: it is looked up in the container's folder.
  const [program = "", ...rest] = args.map((arg, index) => (index === 0 ? arg : replacePaths(arg)));
  const { ids, wrapper, owner } = await spawnIdentity(user);
  const cwd = await resolveWorkingDir(rootfs, workingDir, program);
  const env = environmentOf(mapValues(ownEnv, replacePaths), { rootfs, workingDir: cwd, marker, tty, podIp });
  const file = await findProgram(program, env.PATH ?? "", cwd, rootfs);
  const own = tty
    ? {
        ...(await wrapInTerminal([program.includes("/") ? file : program, ...rest], env, size)),
        name: undefined,
      }
    : { file, args: rest, env, name: program };
  const [wrapperFile, ...wrapperArgs] = wrapper;
  const command =
    wrapperFile === undefined
      ? own
      : { ...own, file: wrapperFile, args: [...wrapperArgs, own.file, ...own.args], name: undefined };
  const input = stdin ? await pipes.createInput() : undefined;
  const output = await pipes.createOutput();
  // With a terminal, messages of `script` go to its output as well.
  const errors = tty ? undefined : await pipes.createOutput();
  const all = [input, output, errors].flatMap((pipe) => pipe ?? []);
  const options: SpawnOptions = {
    cwd,
    env: command.env,
    // A session of its own: the process group can be killed as one, and no terminal of this process is reachable.
    detached: true,
    stdio: [input?.childEnd ?? "ignore", output.childEnd, (errors ?? output).childEnd],
    ...ids,
    ...(command.name === undefined ? {} : { argv0: command.name }),
  };
  const closeChildEnds = () => {
    for (const { childEnd } of all) if (typeof childEnd === "number") closeSync(childEnd);
  };
  const closeOwnEnds = () => {
    for (const { ownEnd } of all) ownEnd?.destroy();
  };
  const cancel = () => {
    closeChildEnds();
    closeOwnEnds();
  };
  const start = (): Launched => {
    try {
      // Allows the process to open its pipes by name: /dev/stdout.
      if (owner)
        for (const { childEnd } of all)
          if (typeof childEnd === "number") fchownSync(childEnd, owner.uid, owner.gid);
      const child = spawn(command.file, command.args, options);
      closeChildEnds();
      if (child.pid === undefined) closeOwnEnds();
      const stdout = output.ownEnd ?? child.stdout;
      if (!stdout) throw new Error("the process has no output");
      return {
        child,
        stdin: input && (input.ownEnd ?? child.stdin ?? undefined),
        stdout,
        stderr: errors && (errors.ownEnd ?? child.stderr ?? undefined),
      };
    } catch (error) {
      cancel();
      throw startError(program, error);
    }
  };
  const pipeInodes = [output, ...(errors ? [errors] : [])].flatMap(({ childEnd }) =>
    typeof childEnd === "number" ? fstatSync(childEnd).ino : [],
  );
  return { pipeInodes, start, cancel };
}

/** Waits for the error of a child without a pid, and converts it. */
export async function startErrorOf(child: ChildProcess, program: string): Promise<Error> {
  const [error] = await once(child, "error");
  return startError(program, error);
}

const startErrors: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory, or its interpreter is missing",
  EACCES: "permission denied",
  EPERM: "permission denied: this user cannot start it like this",
  ENOTDIR: "no such file or directory: a part of its path is a file",
  E2BIG: "argument list too long",
  ENAMETOOLONG: "no such file or directory: its name is too long",
  ENOEXEC: "exec format error",
  EAGAIN: "the host's limit of processes is reached",
  ENOMEM: "the host is out of memory",
};

function startError(program: string, error: unknown): Error {
  return notStarted(program, startErrors[codeOf(error) ?? ""] ?? messageOf(error), error);
}

function mapValues(env: Readonly<Record<string, string>>, map: (text: string) => string) {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, map(value)]));
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The environment variable that tells a process the path of its container's folder, since it sees the host's root. */
export const rootfsName = "CRI_SDK_ROOTFS";

/** The environment variable that tells a process the address of its pod, since it sees all addresses of the host. */
export const podIpName = "CRI_SDK_POD_IP";

/** Returns the complete environment of a process. It inherits nothing from this process. */
function environmentOf(
  ownEnv: Readonly<Record<string, string>>,
  {
    rootfs,
    workingDir,
    marker,
    tty,
    podIp,
  }: Pick<LaunchContext, "rootfs" | "marker" | "podIp"> & { workingDir: string; tty: boolean },
): Record<string, string> {
  return {
    PATH: defaultPath,
    // Not the user's real home: files that programs store there are removed with the container.
    HOME: rootfs,
    ...(tty ? { TERM: "xterm" } : {}),
    ...ownEnv,
    PWD: workingDir,
    [rootfsName]: rootfs,
    ...(podIp === undefined ? {} : { [podIpName]: podIp }),
    [markerName]: marker,
  };
}
