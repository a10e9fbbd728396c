import type { Readable } from "node:stream";
import { CriError } from "../../core/index.js";
import type {
  AttachContext,
  CommandContext,
  ExecContext,
  PortForwardContext,
  StreamingHandlers,
} from "../../server/index.js";
import type { DriverProcess, ProcessSpec } from "./driver.js";
import type { Machine } from "./machine.js";
import type { Container } from "./objects/container.js";
import type { MainProcess } from "./process/main-process.js";
import { join, pump } from "./process/pump.js";
import { SizeFollower } from "./process/size-follower.js";

/** What ExecSync collects of each output at most; more is an error, as in containerd. */
const maxSyncBytes = 16 * 2 ** 20;

/** A running container, and its process. Throws what a client is told of one that does not run. */
export function runningProcess({ refusals }: Machine, container: Container): MainProcess {
  if (container.running && container.main) return container.main;
  throw refusals.state(`container is in ${container.stateName} state`);
}

/** What a command answered that was run to its end. */
export interface SyncResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** CRI ExecSync. `timeoutMs` of 0 waits for ever; at a timeout, and when the client leaves, the command is killed. */
export async function execSync(
  machine: Machine,
  container: Container,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<SyncResult> {
  runningProcess(machine, container);
  const process = await startCommand(machine, container, command, { tty: false, stdin: false });
  const kill = () => process.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  const over = new AbortController();
  let late = false;
  if (timeoutMs > 0)
    machine.clock.sleep(timeoutMs, over.signal).then(
      () => {
        late = true;
        kill();
      },
      () => undefined,
    );
  try {
    const [stdout, stderr] = await Promise.all([
      collect(process.stdout, kill),
      collect(process.stderr, kill),
    ]);
    const { exitCode } = await process.exit;
    if (late) return timedOut(machine, timeoutMs);
    if (!stdout || !stderr) throw tooMuchOutput();
    return { exitCode, stdout, stderr };
  } finally {
    over.abort();
    signal.removeEventListener("abort", kill);
  }
}

function timedOut({ profile }: Machine, timeoutMs: number): SyncResult {
  if (profile.execTimeout === "exit code -1")
    return { exitCode: -1, stdout: new Uint8Array(), stderr: Buffer.from("command timed out") };
  const text = `timeout ${timeoutMs / 1000}s exceeded: context deadline exceeded`;
  throw new CriError({ code: "deadline_exceeded", reason: "exec_timeout", text });
}

function tooMuchOutput(): CriError {
  const text = `trying to send message larger than max (more than ${maxSyncBytes} bytes of output)`;
  return new CriError({ code: "resource_exhausted", reason: "runtime_limit", text });
}

/** All of an output; undefined when it was too much, and the command is ended. */
async function collect(output: Readable | undefined, kill: () => void): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of (output ?? []) as AsyncIterable<Buffer>) {
    bytes += part.byteLength;
    if (bytes > maxSyncBytes) kill();
    else parts.push(part);
  }
  return bytes > maxSyncBytes ? undefined : Buffer.concat(parts);
}

async function startCommand(
  { driver, refusals }: Machine,
  container: Container,
  args: readonly string[],
  how: Pick<ProcessSpec, "tty" | "stdin" | "size">,
): Promise<DriverProcess> {
  if (args.length === 0) throw refusals.invalid("cmd", "args must not be empty", args);
  const { env, workingDir } = container.process;
  return driver.start(container.place, { args, env, workingDir, ...how });
}

/** The far ends of streaming sessions. */
export function sessionHandlers(machine: Machine): StreamingHandlers {
  return {
    async exec(context: ExecContext) {
      const container = machine.containers.get(context.containerId);
      runningProcess(machine, container);
      const { tty, stdin, stdout, stderr } = context;
      const size = tty ? new SizeFollower(context.resize) : undefined;
      await size?.known;
      const how = { tty, stdin: stdin !== undefined, size: size?.last };
      const process = await startCommand(machine, container, context.command, how);
      // A client that leaves ends its command: nobody would hear of it any more.
      const kill = () => process.kill("SIGKILL");
      context.signal.addEventListener("abort", kill, { once: true });
      if (context.signal.aborted) kill();
      size?.tell((now) => process.resize(now));
      if (stdin && process.stdin) void pump(stdin, process.stdin);
      const printed = [
        drain(process.stdout, stdout),
        process.stderr ? drain(process.stderr, tty ? stdout : stderr) : undefined,
      ];
      await Promise.all(printed);
      context.signal.removeEventListener("abort", kill);
      return (await process.exit).exitCode & 255;
    },

    async attach(context: AttachContext) {
      const container = machine.containers.get(context.containerId);
      // One that has exited meanwhile has nothing more to say, and that is no failure.
      const main = container.main ?? runningProcess(machine, container);
      const detach = main.attach({ stdout: context.stdout, stderr: context.stderr });
      if (context.tty) new SizeFollower(context.resize).tell((size) => main.resize(size));
      // Without stdin_once, the input outlives those who are attached.
      if (context.stdin && main.stdin)
        void pump(context.stdin, main.stdin, { end: container.config.stdinOnce });
      const left = new Promise((resolve) => {
        context.signal.addEventListener("abort", resolve, { once: true });
        if (context.signal.aborted) resolve(undefined);
      });
      await Promise.race([main.exit, left]);
      detach();
    },

    async portForward({ podSandboxId, port, connection, signal }: PortForwardContext) {
      const { pod, traffic } = machine.sandboxes.get(podSandboxId);
      const far = await machine.driver.connect(pod, port);
      const cut = () => far.destroy();
      signal.addEventListener("abort", cut, { once: true });
      if (signal.aborted) cut();
      await join(connection, far, traffic);
      signal.removeEventListener("abort", cut);
    },
  };
}

/** Passes output on; without a reader, it is read all the same, so that the command can go on. */
async function drain(source: Readable, target: CommandContext["stdout"]): Promise<void> {
  if (target) await pump(source, target, { end: false });
  else for await (const _ of source.iterator({ destroyOnReturn: false }));
}
