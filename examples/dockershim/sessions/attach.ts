// Attach: the streams of a container's first process.
import { setTimeout as sleep } from "node:timers/promises";
import { type AttachContext, criError } from "cri-sdk/server";
import type { ContainerDetails } from "../engine/api.js";
import type { Engine } from "../engine/client.js";
import { copyFrames, copyRaw } from "../engine/frames.js";
import { ImpatientOutput } from "./impatient-output.js";
import { detachKeys, followSizes } from "./terminal.js";

/** The time within which the engine reports the end of a container whose output has ended, in milliseconds. */
const reportMs = 1_000;
/** After the end of a container, a connection without traffic for this time is over, in milliseconds. */
const silenceMs = 2_000;

/** Connects a client with a container; resolves when the container's output has ended. */
export async function attach(engine: Engine, context: AttachContext): Promise<void> {
  const { containerId, stdin, signal } = context;
  const path = `/containers/${containerId}`;
  const { State, Config } = await engine.call<ContainerDetails>("GET", `${path}/json`, { signal });
  if (!State.Running) throw criError("wrong_state", `container ${containerId} is not running`);

  const hasInput = stdin !== undefined && Config.OpenStdin;
  const query = { stream: true, stdin: hasInput, stdout: true, stderr: true, detachKeys };
  const socket = await engine.hijack(`${path}/attach`, { query, signal });
  const leave = () => socket.destroy();
  signal.addEventListener("abort", leave, { once: true });
  // Errors come from reading; this one is for those that come while nothing reads.
  socket.on("error", () => undefined);
  const over = new AbortController();
  // If the container has exited just before, the engine never ends the connection.
  const exited = engine
    .call("POST", `${path}/wait`, { timeoutMs: 0, signal: over.signal })
    .then(() => socket.setTimeout(silenceMs));
  exited.catch(() => undefined);
  const stdout = context.stdout && new ImpatientOutput(context.stdout);
  const stderr = context.stderr && new ImpatientOutput(context.stderr);
  const silence = new Promise<void>((resolve) => {
    socket.on("timeout", () => {
      // A slow client makes the connection silent, too.
      if (stdout?.writableLength || stderr?.writableLength) socket.setTimeout(silenceMs);
      else resolve();
    });
  });
  try {
    signal.throwIfAborted();
    if (Config.Tty)
      void followSizes(context.resize, ({ rows, columns }) =>
        engine
          .call<void>("POST", `${path}/resize`, { query: { h: rows, w: columns } })
          .catch(() => undefined),
      );
    // A terminal's input must not end: the engine would drop its output from then on. Input that the container has not is dropped.
    if (hasInput) stdin.pipe(socket, { end: !Config.Tty });
    else stdin?.resume();
    const copied = Config.Tty ? copyRaw(socket, stdout) : copyFrames(socket, { stdout, stderr });
    await Promise.race([copied, silence, stdout?.failed ?? copied, stderr?.failed ?? copied]);
    // Output also ends with the input of a container without StdinOnce, and with the engine, which is an error.
    await Promise.race([exited, sleep(reportMs, undefined, { signal: over.signal })]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
    socket.destroy();
    over.abort();
  }
}
