import { spawn } from "node:child_process";
import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { isNode, messageOf } from "../../../core/index.js";
import { wrongState } from "./errors.js";
import { hasProc } from "./process-table.js";

/** A pipe between this process and a child. */
export interface Pipe {
  /** This process's end; undefined where the JavaScript runtime creates the pipe when it spawns the child. */
  readonly ownEnd: Socket | undefined;
  /** A file descriptor; "pipe" where the JavaScript runtime creates the pipe. */
  readonly childEnd: number | "pipe";
}

interface PipeEnds {
  readonly read: number;
  readonly write: number;
}

/** How many pipes are created at a time: enough for about six processes. */
const batchSize = 12;
/** With fewer free pipes than this, the next batch is created in advance. */
const refillBelow = 4;
const createTimeoutMs = 5_000;

/**
 * A shell function that keeps its stdout open as descriptor 4, prints its own process id on stderr, and waits until the
 * shell's input ends; all with builtins. Descriptor 4 is used because `1` changes for a redirected `echo`.
 */
const holdFunction =
  "exec 3<&0; hold() { read pid rest </proc/self/stat; exec 4>&1 1>&2; echo $pid; read end <&3; }";

/**
 * A pool of pipes for children. The pipes that Node itself creates are sockets, and a program cannot open a socket as
 * `/dev/stdout` or `/dev/stdin`, as many programs in containers do. FIFOs do not help: opening one whose writer has ended
 * blocks forever. So a shell creates the pipes, and this process opens them through `/proc`. Bun and Deno cannot make a stream of a
 * pipe that they did not create, so they create the pipes, and programs in containers cannot open `/dev/stdout` there.
 */
export class Pipes {
  #free: PipeEnds[] = [];
  #refill: Promise<void> | undefined;
  #isClosed = false;

  /** Creates a pipe that a child writes to. Rejects with `wrong_state` where that fails. */
  async createOutput(): Promise<Pipe> {
    const ends = await this.#take();
    if (!ends) return { ownEnd: undefined, childEnd: "pipe" };
    return { ownEnd: new Socket({ fd: ends.read, readable: true, writable: false }), childEnd: ends.write };
  }

  /** Creates a pipe that a child reads from. Rejects with `wrong_state` where that fails. */
  async createInput(): Promise<Pipe> {
    const ends = await this.#take();
    if (!ends) return { ownEnd: undefined, childEnd: "pipe" };
    return { ownEnd: new Socket({ fd: ends.write, readable: false, writable: true }), childEnd: ends.read };
  }

  close(): void {
    this.#isClosed = true;
    closeAll(this.#free.splice(0));
  }

  async #take(): Promise<PipeEnds | undefined> {
    if (!hasProc || !isNode) return undefined;
    for (;;) {
      if (this.#isClosed) throw wrongState("the driver is closed");
      const ends = this.#free.pop();
      if (this.#free.length < refillBelow) {
        this.#refill ??= this.#createBatch().finally(() => {
          this.#refill = undefined;
        });
        // Only a caller that needs a pipe now awaits the batch, below.
        this.#refill.catch(() => undefined);
      }
      if (ends) return ends;
      await this.#refill;
    }
  }

  async #createBatch(): Promise<void> {
    const pipeline = Array.from({ length: batchSize + 1 }, () => "hold").join(" | ");
    // The shell ends with its input, even if this process is killed.
    const shell = spawn("/bin/sh", ["-c", `${holdFunction}; ${pipeline}`], {
      stdio: ["pipe", "ignore", "pipe"],
      env: {},
    });
    const ended = new Promise<void>((resolve, reject) => {
      shell.once("error", reject);
      shell.once("exit", () => resolve());
    });
    ended.catch(() => undefined);
    shell.stdin.on("error", () => undefined);
    const timer = setTimeout(() => shell.kill("SIGKILL"), createTimeoutMs);
    const created: PipeEnds[] = [];
    try {
      await openPipes(shell.stderr, created);
      shell.stdin.end();
      // Until they end, the shell's processes hold the pipes open, too.
      await ended;
      if (created.length < batchSize) throw new Error(`got ${created.length} pipes instead of ${batchSize}`);
    } catch (error) {
      closeAll(created);
      throw wrongState(`cannot create pipes with /bin/sh: ${messageOf(error)}`);
    } finally {
      clearTimeout(timer);
      shell.stdin.end();
    }
    this.#free.push(...created);
    if (this.#isClosed) this.close();
  }
}

/** Opens both ends of each pipe, by the process ids that the shell prints. */
async function openPipes(pids: Readable, created: PipeEnds[]): Promise<void> {
  let count = 0;
  for await (const pid of createInterface({ input: pids })) {
    const path = `/proc/${pid}/fd/4`;
    // The last process of the pipeline does not write to a pipe; the pids arrive in any order.
    if (readlinkSync(path).startsWith("pipe:"))
      created.push({ read: openSync(path, constants.O_RDONLY), write: openSync(path, constants.O_WRONLY) });
    if (++count > batchSize) return;
  }
}

function closeAll(all: readonly PipeEnds[]): void {
  for (const { read, write } of all) {
    closeSync(read);
    closeSync(write);
  }
}
