// The programs of the demo's containers: functions of this process, which touch nothing of this machine.
import { once } from "node:events";
import type { Program, ProgramContext } from "cri-sdk/testing";

const mebibyte = 2 ** 20;
const tickMs = 500;

/** How fast the demo's programs live. */
export interface DemoPace {
  /** How long the crashing program runs, in milliseconds. */
  readonly crashAfterMs: number;
  /** How much memory the leaking program loses per second, in MiB. */
  readonly leakMebibytesPerSecond: number;
}

/** Returns the programs by the first word of their command. */
export function demoPrograms({
  crashAfterMs,
  leakMebibytesPerSecond,
}: DemoPace): Readonly<Record<string, Program>> {
  return {
    "serve-pages": servePages,
    cache: (context) => work(context, { cores: 0.04, mebibytes: 96, wobble: 0.05 }),
    "collect-metrics": async (context) => {
      context.stdout.write("collecting every 15 s\n");
      await work(context, { cores: 0.02, mebibytes: 38, wobble: 0.1 });
    },
    "ship-logs": shipLogs,
    resize: async (context) => {
      context.stdout.write("worker ready, waiting for jobs\n");
      await work(context, { cores: 0.7, mebibytes: 210, wobble: 0.35 });
    },
    pay: (context) => failToPay(context, crashAfterMs),
    recommend: (context) => leak(context, leakMebibytesPerSecond),
    report: ({ stdout }) => {
      stdout.write("wrote report-2026-11.csv: 48,211 rows\n");
    },
    sh: shell,
  };
}

/** Uses CPU and memory as a busy program would, until it is stopped. */
async function work(
  { clock, reportUsage }: ProgramContext,
  {
    cores,
    mebibytes,
    wobble,
  }: { readonly cores: number; readonly mebibytes: number; readonly wobble: number },
  onTick: (tick: number) => void = () => {},
): Promise<void> {
  let cpuNanos = 0;
  for (let tick = 0; ; tick++) {
    const wave = 1 + wobble * (Math.sin(tick / 17) + 0.5 * Math.sin(tick / 5) + 0.4 * (Math.random() - 0.5));
    cpuNanos += Math.max(0.001, cores * wave) * tickMs * 1e6;
    const memoryBytes = mebibytes * (1 + wobble * 0.3 * Math.sin(tick / 29)) * mebibyte;
    await clock.sleep(tickMs);
    reportUsage({ cpuNanos: BigInt(Math.round(cpuNanos)), memoryBytes: BigInt(Math.round(memoryBytes)) });
    onTick(tick);
  }
}

const paths = ["/", "/products/4711", "/cart", "/search?q=lamp", "/products/89/reviews", "/static/app.css"];

async function servePages(context: ProgramContext): Promise<void> {
  context.stdout.write("listening on :8080\n");
  await work(context, { cores: 0.22, mebibytes: 142, wobble: 0.4 }, (tick) => {
    const path = paths[Math.floor(Math.random() * paths.length)] ?? "/";
    const ms = (2 + 20 * Math.random() ** 3).toFixed(1);
    context.stdout.write(`GET ${path} 200 ${ms} ms\n`);
    if (tick % 23 === 22) context.stderr.write("slow query: SELECT … FROM products took 412 ms\n");
  });
}

async function shipLogs(context: ProgramContext): Promise<void> {
  await work(context, { cores: 0.01, mebibytes: 24, wobble: 0.1 }, (tick) => {
    if (tick % 20 === 0) context.stdout.write(`shipped ${180 + (tick % 7) * 13} lines\n`);
  });
}

async function failToPay(context: ProgramContext, crashAfterMs: number): Promise<number> {
  const { stdout, stderr, clock, reportUsage } = context;
  stdout.write("payments 2.4.1\n");
  reportUsage({ cpuNanos: 0n, memoryBytes: BigInt(57 * mebibyte) });
  await clock.sleep(crashAfterMs / 2);
  reportUsage({ cpuNanos: 30_000_000n, memoryBytes: BigInt(61 * mebibyte) });
  stdout.write("connecting to ledger.internal:5432\n");
  await clock.sleep(crashAfterMs / 2);
  stderr.write('error: password authentication failed for user "payments"\n');
  stderr.write("fatal: the ledger is not reachable, giving up\n");
  return 1;
}

async function leak(context: ProgramContext, mebibytesPerSecond: number): Promise<number> {
  const { stdout, stderr, clock, reportUsage } = context;
  const limit = 900;
  stdout.write("model loaded, 38 features\n");
  for (let tick = 0; ; tick++) {
    const used = 230 + (mebibytesPerSecond * tick * tickMs) / 1_000;
    const cpuNanos = BigInt(tick * tickMs) * 90_000n;
    reportUsage({ cpuNanos, memoryBytes: BigInt(Math.round(used * mebibyte)) });
    if (tick % 10 === 0) stdout.write(`cached ${(tick + 1) * 640} recommendations, evicted 0\n`);
    if (used > limit) break;
    await clock.sleep(tickMs);
  }
  stderr.write(`fatal: heap limit of ${limit} MiB reached, allocation failed\n`);
  return 134;
}

const prompt = "/ # ";

/** A shell that knows a few commands, for the terminal of the demo. */
async function shell(context: ProgramContext): Promise<number> {
  const { stdin, stdout, signal } = context;
  stdout.write("This is the demo's shell: it knows a few commands, and `help` lists them.\n");
  stdout.write(prompt);
  let rest = "";
  stdin.setEncoding("utf8");
  stdin.on("data", (text: string) => {
    rest += text;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const [name = "", ...args] = rest.slice(0, end).trim().split(/\s+/);
      rest = rest.slice(end + 1);
      if (name === "exit") stdin.emit("demo-exit", Number(args[0] ?? 0) || 0);
      else stdout.write(`${runLine(context, name, args)}${prompt}`);
    }
  });
  const exit = await Promise.race([
    once(stdin, "demo-exit", { signal }).then(([code]) => Number(code)),
    once(stdin, "end", { signal }).then(() => 0),
  ]);
  return exit;
}

function runLine({ env, size, args: [self] }: ProgramContext, name: string, args: readonly string[]): string {
  switch (name) {
    case "":
      return "";
    case "help":
      return "echo, env, exit, help, ls, ps, pwd, size\n";
    case "echo":
      return `${args.join(" ")}\n`;
    case "env":
      return Object.entries(env)
        .map(([key, value]) => `${key}=${value}\n`)
        .join("");
    case "ls":
      return "bin  etc  home  proc  tmp  usr  var\n";
    case "ps":
      return `PID   USER  COMMAND\n    1 root  main\n   42 root  ${self}\n`;
    case "pwd":
      return "/\n";
    case "size":
      return `${size.columns} columns, ${size.rows} rows\n`;
    default:
      return `sh: ${name}: not found\n`;
  }
}
