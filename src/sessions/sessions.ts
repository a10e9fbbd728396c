import type { RuntimeClient } from "../clients/index.js";
import {
  type AttachSession,
  attach,
  type ExecSession,
  exec,
  type PortForward,
  portForward,
} from "../streaming/index.js";
import { copyFrom } from "./copy/copy-from.js";
import { copyTo } from "./copy/copy-to.js";
import type { CopyFromOptions, CopyResult, CopySource, CopyToOptions } from "./copy/options.js";
import { execKillable } from "./killable.js";
import type {
  AttachOptions,
  ExecOptions,
  ForwardOptions,
  RunOptions,
  RunResult,
  StreamingDefaults,
} from "./options.js";
import { runByShell } from "./run-by-shell.js";
import { runCommand } from "./run-command.js";

/** Opens sessions: asks the runtime for a URL, and goes there. */
export class Sessions {
  readonly #runtime: RuntimeClient;
  readonly #defaults: StreamingDefaults;

  constructor(runtime: RuntimeClient, defaults: StreamingDefaults = {}) {
    this.#runtime = runtime;
    this.#defaults = defaults;
  }

  exec(containerId: string, command: readonly string[], options: ExecOptions = {}): Promise<ExecSession> {
    const complete = this.#complete(options);
    if (options.kill)
      return execKillable(this.#runtime, containerId, command, complete, (wrapped, inner) =>
        this.#exec(containerId, wrapped, inner),
      );
    return this.#exec(containerId, command, complete);
  }

  runCommand(
    containerId: string,
    command: readonly string[],
    options: RunOptions = {},
  ): Promise<RunResult<string | Buffer>> {
    const run = (kill: boolean, limited: RunOptions) =>
      runCommand((streams) => this.exec(containerId, command, { ...streams, kill }), limited);
    return (options.kill ?? true) ? runByShell(run, options) : run(false, options);
  }

  copyTo(
    containerId: string,
    source: CopySource,
    target: string,
    options?: CopyToOptions,
  ): Promise<CopyResult> {
    return copyTo((command, streams) => this.exec(containerId, command, streams), source, target, options);
  }

  copyFrom(
    containerId: string,
    source: string,
    target: string,
    options?: CopyFromOptions,
  ): Promise<CopyResult> {
    return copyFrom((command, streams) => this.exec(containerId, command, streams), source, target, options);
  }

  attach(containerId: string, options: AttachOptions = {}): Promise<AttachSession> {
    const complete = this.#complete(options);
    const { stdin, stdout, stderr, tty } = streamsOf(complete);
    const url = async () => {
      const request = { containerId, stdin, stdout, stderr, tty };
      return (await this.#runtime.attach(request, { signal: options.signal })).url;
    };
    return attach(url, { ...complete, stdin, stdout, stderr, tty });
  }

  portForward(podSandboxId: string, options: ForwardOptions = {}): PortForward {
    const url = async (port: number) => {
      const request = { podSandboxId, port: [port] };
      return (await this.#runtime.portForward(request, { signal: options.signal })).url;
    };
    return portForward(url, this.#complete(options));
  }

  /** The options of a call, with this client's defaults where one is left out, or undefined. */
  #complete<Options extends object>(options: Options): StreamingDefaults & Options {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    return { ...this.#defaults, ...(given as Options) };
  }

  #exec(containerId: string, command: readonly string[], options: ExecOptions): Promise<ExecSession> {
    const { stdin, stdout, stderr, tty } = streamsOf(options);
    const url = async () => {
      const request = { containerId, cmd: [...command], stdin, stdout, stderr, tty };
      return (await this.#runtime.exec(request, { signal: options.signal })).url;
    };
    return exec(url, { ...options, stdin, stdout, stderr, tty });
  }
}

/** The streams of a session, with the same defaults for the request and for the connection. */
function streamsOf({ stdin = false, stdout = true, tty = false, stderr = !tty }: ExecOptions) {
  return { stdin, stdout, stderr, tty };
}
