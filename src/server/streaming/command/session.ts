import type { CriError } from "../../../core/index.js";
import { formatJsonStatus, formatTextStatus } from "../../../streaming/index.js";
import { failureText } from "../../errors.js";
import type { CommandContext, StreamingHandlers } from "../handlers.js";
import type { CommandPlan } from "../requests.js";
import type { ServedSession } from "../sessions.js";
import { ClientInput, ClientOutput, TerminalSizes } from "./streams.js";
import type { CommandListener, CommandWire, OutputName } from "./wire.js";

type Status = Parameters<typeof formatJsonStatus>[0];

/** One exec or attach session: connects a handler with a client. */
export class CommandSession implements CommandListener, ServedSession {
  readonly #plan: CommandPlan;
  readonly #handlers: StreamingHandlers;
  readonly #wire: CommandWire;
  readonly #onEnd: () => void;
  readonly #input: ClientInput | undefined;
  readonly #stdout: ClientOutput | undefined;
  readonly #stderr: ClientOutput | undefined;
  readonly #sizes = new TerminalSizes();
  readonly #abort = new AbortController();
  /** Whether the status was sent or the client has disconnected. */
  #isOver = false;

  constructor(plan: CommandPlan, handlers: StreamingHandlers, wire: CommandWire, onEnd: () => void) {
    this.#plan = plan;
    this.#handlers = handlers;
    this.#wire = wire;
    this.#onEnd = onEnd;
    if (plan.stdin) this.#input = new ClientInput(() => wire.resumeInput());
    if (plan.stdout) this.#stdout = this.#output("stdout");
    if (plan.stderr) this.#stderr = this.#output("stderr");
    wire.listen(this);
  }

  abort(reason: CriError): void {
    this.#wire.destroy(reason);
  }

  onStart(): void {
    void this.#run();
  }

  onInput(chunk: Buffer): boolean {
    return this.#input?.receive(chunk) ?? true;
  }

  onInputEnd(): void {
    this.#input?.finish();
  }

  onResize(chunk: Buffer): void {
    this.#sizes.receive(chunk);
  }

  onGone(reason: CriError): void {
    this.#onEnd();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#abort.abort(reason);
    this.#input?.finish();
    this.#sizes.finish();
    this.#stdout?.destroy(reason);
    this.#stderr?.destroy(reason);
  }

  #output(name: OutputName): ClientOutput {
    return new ClientOutput((chunks, done) => this.#wire.write(name, chunks, done));
  }

  async #run(): Promise<void> {
    const status = await this.#handle();
    await Promise.all([this.#stdout?.flush(), this.#stderr?.flush()]);
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sizes.finish();
    this.#input?.destroy();
    this.#wire.finish(this.#wire.jsonStatus ? formatJsonStatus(status) : formatTextStatus(status));
  }

  /** Runs the handler. Never rejects: a handler's failure becomes a status. */
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
      return { kind: "failed", message: `the exec handler returned ${exitCode}, which is not an exit code` };
    } catch (error) {
      return { kind: "failed", message: failureText(error) };
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
