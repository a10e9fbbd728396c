import type { RuntimeClient } from "../clients/index.js";
import { checkArgument, checkCommand, type IdOrHandle, idOf, option } from "../core/index.js";
import {
  type AttachSession,
  attach,
  diagnosedPortForward,
  type ExecSession,
  exec,
  type PortForward,
  portForwardTable,
  type SessionStreams,
  type UrlRequestOptions,
} from "../streaming/index.js";
import { copyFrom } from "./copy/copy-from.js";
import { copyTo } from "./copy/copy-to.js";
import { type DiagnosisOptions, diagnosePod } from "./diagnosis.js";
import { openWithInput } from "./input.js";
import { execKillable } from "./killable.js";
import { OpenSessions } from "./open-sessions.js";
import {
  type AttachOptions,
  attachTable,
  type CopyFromOptions,
  type CopyResult,
  type CopySource,
  type CopyToOptions,
  copySourceCheck,
  copyTable,
  copyToTable,
  type ExecOptions,
  execTable,
  type ForwardOptions,
  type RunCommandOptions,
  type RunCommandResult,
  runCommandTable,
  type StreamingDefaults,
} from "./options.js";
import { runCommand } from "./run-command.js";

/** What the sessions of a client need from it. */
export interface SessionsInit {
  readonly runtime: RuntimeClient;
  /** A client of the same runtime that kills commands, also after `closing` has fired. */
  readonly killer: RuntimeClient;
  /** Fires when the client is closed. */
  readonly closing: AbortSignal;
  readonly defaults?: StreamingDefaults | undefined;
}

/** Opens sessions: requests a URL from the runtime and connects to it. */
export class Sessions {
  readonly #runtime: RuntimeClient;
  readonly #killer: RuntimeClient;
  readonly #defaults: StreamingDefaults;
  readonly #open: OpenSessions;

  constructor({ runtime, killer, closing, defaults = {} }: SessionsInit) {
    this.#runtime = runtime;
    this.#killer = killer;
    this.#defaults = defaults;
    this.#open = new OpenSessions(closing);
  }

  /** Closes the port-forwards. Sessions end with the `closing` signal. */
  close(): Promise<void> {
    return this.#open.close();
  }

  /** Resolves when the commands with `killOnClose` whose sessions have ended are killed, after ten seconds at most. */
  killed(): Promise<void> {
    return this.#open.killed();
  }

  async exec(
    container: IdOrHandle,
    command: readonly string[],
    options: ExecOptions = {},
  ): Promise<ExecSession> {
    const containerId = idOf("exec", "containerId", container);
    checkCommand("exec", command);
    execTable.check("exec", options);
    const open = (one: readonly string[], complete: ExecOptions) => this.#exec(containerId, one, complete);
    const kills = { runtime: this.#killer, onKill: (kill: Promise<void>) => this.#open.addKill(kill) };
    return this.#open.open(this.#complete(options), (linked) =>
      openWithInput(linked, (complete) =>
        complete.killOnClose
          ? execKillable(kills, containerId, command, complete, open)
          : open(command, complete),
      ),
    );
  }

  async runCommand(
    container: IdOrHandle,
    command: readonly string[],
    options: RunCommandOptions = {},
  ): Promise<RunCommandResult<string | Buffer>> {
    const containerId = idOf("runCommand", "containerId", container);
    checkCommand("runCommand", command);
    runCommandTable.check("runCommand", options);
    return runCommand((streams) => this.exec(containerId, command, streams), options);
  }

  async copyTo(
    container: IdOrHandle,
    source: CopySource,
    target: string,
    options?: CopyToOptions,
  ): Promise<CopyResult> {
    const containerId = idOf("copyTo", "containerId", container);
    checkArgument("copyTo", "source", source, copySourceCheck);
    checkArgument("copyTo", "target", target, option.string);
    copyToTable.check("copyTo", options);
    return copyTo((command, streams) => this.exec(containerId, command, streams), source, target, options);
  }

  async copyFrom(
    container: IdOrHandle,
    source: string,
    target: string,
    options?: CopyFromOptions,
  ): Promise<CopyResult> {
    const containerId = idOf("copyFrom", "containerId", container);
    checkArgument("copyFrom", "source", source, option.string);
    checkArgument("copyFrom", "target", target, option.string);
    copyTable.check("copyFrom", options);
    return copyFrom((command, streams) => this.exec(containerId, command, streams), source, target, options);
  }

  async attach(container: IdOrHandle, options: AttachOptions = {}): Promise<AttachSession> {
    const containerId = idOf("attach", "containerId", container);
    attachTable.check("attach", options);
    const open = (complete: AttachOptions) => {
      const streams = streamsOf(complete);
      const requestUrl = async ({ signal }: UrlRequestOptions) => {
        const request = { containerId, ...streams };
        return (await this.#runtime.attach(request, { signal })).url;
      };
      const { input: _input, ...session } = complete;
      return attach(requestUrl, { ...session, ...streams });
    };
    return this.#open.open(this.#complete(options), (linked) => openWithInput(linked, open));
  }

  portForward(pod: IdOrHandle, options: ForwardOptions = {}): PortForward {
    const podSandboxId = idOf("portForward", "podSandboxId", pod);
    portForwardTable.check("portForward", options);
    const requestUrl = async (port: number, { signal }: UrlRequestOptions) => {
      const request = { podSandboxId, port: [port] };
      return (await this.#runtime.portForward(request, { signal })).url;
    };
    const diagnosis = (options: DiagnosisOptions) => diagnosePod(this.#runtime, podSandboxId, options);
    return this.#open.addForward(diagnosedPortForward(requestUrl, this.#complete(options), diagnosis));
  }

  /** Adds the defaults of this client for every option that is missing or undefined. */
  #complete<Options extends object>(options: Options): StreamingDefaults & Options {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    return { ...this.#defaults, ...(given as Options) };
  }

  #exec(containerId: string, command: readonly string[], options: ExecOptions): Promise<ExecSession> {
    const streams = streamsOf(options);
    const requestUrl = async ({ signal }: UrlRequestOptions) => {
      const request = { containerId, cmd: [...command], ...streams };
      return (await this.#runtime.exec(request, { signal })).url;
    };
    const { input: _input, killOnClose: _killOnClose, ...session } = options;
    return exec(requestUrl, { ...session, ...streams });
  }
}

/** Returns the streams of a session, with the same defaults for the request and for the connection. */
function streamsOf({ stdin = false, stdout = true, tty = false, stderr = !tty }: SessionStreams) {
  return { stdin, stdout, stderr, tty };
}
