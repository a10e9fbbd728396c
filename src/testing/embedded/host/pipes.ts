import { spawn } from "node:child_process";
import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { wrongState } from "./failures.js";
import { hasProc } from "./process-table.js";

/** A pipe of which this process has one end, and a child gets the other. */
export interface Pipe {
  /** Undefined where the start of the child makes it. */
  readonly near: Socket | undefined;
  /** A file descriptor, or that the start of the child shall make a pipe. */
  readonly far: number | "pipe";
}

interface Ends {
  readonly read: number;
  readonly write: number;
}

/** How many pipes are made at a time, for some six processes, and when more are made ahead. */
const batch = 12;
const fewLeft = 4;
const madeWithinMs = 5_000;

/**
 * A shell's function that keeps what it writes to as 4, tells its own process id, and is there until the shell's input
 * ends; all without other programs. What is read at 4 does not change any more, as 1 does for a redirected `echo`.
 */
const holder =
  "exec 3<&0; hold() { read pid rest </proc/self/stat; exec 4>&1 1>&2; echo $pid; read end <&3; }";

/**
 * Pipes for children. Those that Node makes are sockets, which programs cannot open by the names `/dev/stdout` and
 * `/dev/stdin`, where these are links into `/proc`; and many that run in containers do. FIFOs are no way out: opening
 * one whose writer has ended waits for ever. So a shell makes pipes, and they are opened where `/proc` shows them.
 */
export class Pipes {
  #free: Ends[] = [];
  #refill: Promise<void> | undefined;
  #closed = false;

  /** A pipe that a child writes. */
  async output(): Promise<Pipe> {
    const ends = await this.#take();
    if (!ends) return { near: undefined, far: "pipe" };
    return { near: new Socket({ fd: ends.read, readable: true, writable: false }), far: ends.write };
  }

  /** A pipe that a child reads. */
  async input(): Promise<Pipe> {
    const ends = await this.#take();
    if (!ends) return { near: undefined, far: "pipe" };
    return { near: new Socket({ fd: ends.write, readable: false, writable: true }), far: ends.read };
  }

  close(): void {
    this.#closed = true;
    closeAll(this.#free.splice(0));
  }

  async #take(): Promise<Ends | undefined> {
    if (!hasProc) return undefined;
    for (;;) {
      if (this.#closed) throw wrongState("the driver was closed");
      const ends = this.#free.pop();
      if (this.#free.length < fewLeft) {
        this.#refill ??= this.#make().finally(() => {
          this.#refill = undefined;
        });
        // Who needs one now is told of a failure, and nobody else.
        this.#refill.catch(() => undefined);
      }
      if (ends) return ends;
      await this.#refill;
    }
  }

  async #make(): Promise<void> {
    const chain = Array.from({ length: batch + 1 }, () => "hold").join(" | ");
    // It ends with its input, also when this process is killed.
    const shell = spawn("/bin/sh", ["-c", `${holder}; ${chain}`], {
      stdio: ["pipe", "ignore", "pipe"],
      env: {},
    });
    const ended = new Promise<void>((resolve, reject) => {
      shell.once("error", reject);
      shell.once("exit", () => resolve());
    });
    ended.catch(() => undefined);
    shell.stdin.on("error", () => undefined);
    const timer = setTimeout(() => shell.kill("SIGKILL"), madeWithinMs);
    const made: Ends[] = [];
    try {
      await openPipes(shell.stderr, made);
      shell.stdin.end();
      // While the shell's processes are there, they hold the pipes as well.
      await ended;
      if (made.length < batch) throw new Error("it made too few");
    } catch (error) {
      closeAll(made);
      const why = error instanceof Error ? error.message : String(error);
      throw wrongState(`cannot make pipes with /bin/sh: ${why}`);
    } finally {
      clearTimeout(timer);
      shell.stdin.end();
    }
    this.#free.push(...made);
    if (this.#closed) this.close();
  }
}

/** Opens both ends of each pipe that one of these processes writes. */
async function openPipes(pids: Readable, made: Ends[]): Promise<void> {
  let told = 0;
  for await (const pid of createInterface({ input: pids })) {
    const path = `/proc/${pid}/fd/4`;
    // The last of the chain, whichever it is in this order, writes to no pipe.
    if (readlinkSync(path).startsWith("pipe:"))
      made.push({ read: openSync(path, constants.O_RDONLY), write: openSync(path, constants.O_WRONLY) });
    if (++told > batch) return;
  }
}

function closeAll(all: readonly Ends[]): void {
  for (const { read, write } of all) {
    closeSync(read);
    closeSync(write);
  }
}
