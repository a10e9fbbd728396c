import { ReadStream } from "node:fs";
import { finished, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type CriError, criError, invalidOption, isBytes, linkedController } from "../core/index.js";
import type { Session, SessionOptions } from "../streaming/index.js";
import type { CommandInput, KillableSession } from "./options.js";

/** Opens a session and sends the option `input` to it, if there is one. An input that fails ends the session with its error. */
export async function openWithInput<
  Options extends SessionOptions & { readonly input?: CommandInput | undefined },
  Opened extends Session,
>(options: Options, open: (options: Options) => Promise<Opened>): Promise<Opened> {
  const { input } = options;
  if (input === undefined) return open(options);
  if (options.stdin === false) throw invalidOption("stdin", false, "cannot be combined with input");
  // A stream may fail before the session is open; `sendInput` reports that.
  if (isStream(input)) input.on("error", () => undefined);
  const controller = linkedController(options.signal);
  try {
    const session = await open({ ...options, stdin: true, signal: controller.signal });
    const ended = session.ended.then(
      () => undefined,
      () => undefined,
    );
    void ended.then(() => controller.unlink());
    void sendInput(session, input, ended, (error) => controller.abort(error));
    return session;
  } catch (error) {
    controller.unlink();
    throw error;
  }
}

/** Sends the input and its end until the session has ended. Never rejects. */
async function sendInput(
  { stdin, started }: Session & Partial<Pick<KillableSession, "started">>,
  input: CommandInput,
  ended: Promise<void>,
  onFailure: (error: CriError) => void,
): Promise<void> {
  // A command that was not started must not consume an input that can be read only once: another attempt may need it.
  if (!stdin || (started && !(await started))) return;
  const stop = new AbortController();
  void ended.then(() => stop.abort());
  // A string and bytes are one chunk, not an iterable of characters or numbers.
  const isOneChunk = typeof input === "string" || isBytes(input);
  // A file is piped as it is, so that it can be read in larger pieces.
  const source =
    input instanceof ReadStream ? input : Readable.from(isOneChunk ? [input] : input, { objectMode: true });
  finished(source, (cause) => {
    // After the end of the session, the rest of the input is canceled, which is not a failure.
    if (cause && !stop.signal.aborted && !stdin.destroyed)
      onFailure(criError("aborted_by_caller", `the command's input failed: ${cause.message}`, { cause }));
  });
  // Any other failure is the end of the session, which `ended` reports.
  await pipeline(source, stdin, { signal: stop.signal }).catch(() => undefined);
}

/** Reports whether an input is a stream, of Node or of a library. */
function isStream(input: CommandInput): input is Readable {
  return typeof (input as Partial<Readable>).on === "function";
}
