import type { CriError } from "../../../core/index.js";
import { formatJsonStatus, formatTextStatus } from "../../../streaming/index.js";
import { messageOf } from "../errors.js";
import type { CommandContext, StreamingHandlers } from "../handlers.js";
import type { CommandPlan } from "../requests.js";
import type { ServedSession } from "../session.js";
import { TerminalSizes } from "./sizes.js";
import { ClientInput, ClientOutput } from "./streams.js";
import type { CommandListener, CommandWire, OutputName } from "./wire.js";

type Status = Parameters<typeof formatJsonStatus>[0];

/** One exec or attach: a handler on one side, a client on the other. */
export class CommandSession implements CommandListener, ServedSession {
  readonly #plan: CommandPlan;
  readonly #handlers: StreamingHandlers;
  readonly #wire: CommandWire;
  readonly #onOver: () => void;
  readonly #input: ClientInput | undefined;
  readonly #stdout: ClientOutput | undefined;
  readonly #stderr: ClientOutput | undefined;
  readonly #sizes = new TerminalSizes();
  readonly #abort = new AbortController();
  /** The client was told the end, or is gone. */
  #over = false;

  constructor(plan: CommandPlan, handlers: StreamingHandlers, wire: CommandWire, onOver: () => void) {
    this.#plan = plan;
    this.#handlers = handlers;
    this.#wire = wire;
    this.#onOver = onOver;
    if (plan.stdin) this.#input = new ClientInput(() => wire.resumeInput());
    if (plan.stdout) this.#stdout = this.#output("stdout");
    if (plan.stderr) this.#stderr = this.#output("stderr");
    wire.listen(this);
  }

  abort(why: CriError): void {
    this.#wire.destroy(why);
  }

  onStart(): void {
    void this.#run();
  }

  onInput(part: Buffer): boolean {
    return this.#input?.receive(part) ?? true;
  }

  onInputEnd(): void {
    this.#input?.finish();
  }

  onResize(part: Buffer): void {
    this.#sizes.receive(part);
  }

  onGone(why: CriError): void {
    this.#onOver();
    if (this.#over) return;
    this.#over = true;
    this.#abort.abort(why);
    this.#input?.finish();
    this.#sizes.finish();
    this.#stdout?.destroy(why);
    this.#stderr?.destroy(why);
  }

  #output(name: OutputName): ClientOutput {
    return new ClientOutput((parts, done) => this.#wire.write(name, parts, done));
  }

  async #run(): Promise<void> {
    const status = await this.#handle();
    await Promise.all([this.#stdout?.flush(), this.#stderr?.flush()]);
    if (this.#over) return;
    this.#over = true;
    this.#sizes.finish();
    this.#input?.destroy();
    this.#wire.finish(this.#wire.jsonStatus ? formatJsonStatus(status) : formatTextStatus(status));
  }

  /** Never rejects: a failure of the handler is an end like others. */
  async #handle(): Promise<Status> {
    const { exec, attach } = this.#handlers;
    const { kind, command } = this.#plan;
    try {
      if (kind === "attach") {
        await attach?.(this.#context());
        return { kind: "exited", exitCode: 0 };
      }
      const exitCode = await exec?.({ ...this.#context(), command });
      if (Number.isInteger(exitCode) && exitCode !== undefined && exitCode >= 0)
        return { kind: "exited", exitCode };
      return { kind: "failed", message: `the command ended with ${exitCode}, which is no exit code` };
    } catch (error) {
      return { kind: "failed", message: messageOf(error) };
    }
  }

  #context(): CommandContext {
    const { containerId, tty } = this.#plan;
    return {
      containerId,
      stdin: this.#input,
      stdout: this.#stdout,
      stderr: this.#stderr,
      tty,
      resize: this.#sizes,
      signal: this.#abort.signal,
    };
  }
}
