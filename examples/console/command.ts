import { parseArgs } from "node:util";

export const usage = `usage: npm run console -- [OPTION]...

Shows this node live in a browser: pods and containers with their usage, restarts, logs and terminals, images, disks and events. It listens
on 127.0.0.1 only, and prints a link that opens it once. On a terminal, Enter prints another link.

  --endpoint ENDPOINT   the runtime, such as unix:///run/containerd/containerd.sock (default: the one of this machine)
  --demo                show an example instead: a runtime inside this process, with pods that leak, crash and log
  --port N              the port on 127.0.0.1 (default: a free one)
  --interval SECONDS    how often the usage is read (default: 2)
  --read-only           refuse terminals, and stopping and removing pods and containers`;

const defaultIntervalSeconds = 2;
const maxIntervalSeconds = 60;

/** What the command line says. */
export interface Command {
  readonly endpoint: string | undefined;
  readonly isDemo: boolean;
  /** 0 for a free one. */
  readonly port: number;
  readonly intervalMs: number;
  readonly isReadOnly: boolean;
}

/** The command line cannot be used. */
export class UsageError extends Error {}

/** Reads the command line. Throws {@link UsageError}. */
export function readCommand(args: readonly string[]): Command | "help" {
  const values = parse(args);
  if (values.help) return "help";
  if (values.endpoint !== undefined && values.demo)
    throw new UsageError("--endpoint cannot be combined with --demo");
  return {
    endpoint: values.endpoint,
    isDemo: values.demo ?? false,
    port: port(values.port),
    intervalMs: Math.round(seconds(values.interval) * 1_000),
    isReadOnly: values["read-only"] ?? false,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        endpoint: text,
        demo: flag,
        port: text,
        interval: text,
        "read-only": flag,
        help: { ...flag, short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function port(text: string | undefined): number {
  const value = Number(text ?? 0);
  if (text !== undefined && (!/^\d+$/.test(text) || value > 65_535))
    throw new UsageError(`--port: must be a port, got ${JSON.stringify(text)}`);
  return value;
}

function seconds(text: string | undefined): number {
  const value = Number(text ?? defaultIntervalSeconds);
  if (text !== undefined && (!/^\d+(\.\d+)?$/.test(text) || value < 0.5 || value > maxIntervalSeconds))
    throw new UsageError(
      `--interval: must be from 0.5 to ${maxIntervalSeconds} seconds, got ${JSON.stringify(text)}`,
    );
  return value;
}
