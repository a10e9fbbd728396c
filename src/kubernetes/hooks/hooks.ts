import type { RuntimeClient } from "../../clients/index.js";
import { type CriError, criError, messageOf, raceAbort } from "../../core/index.js";
import type { LifecycleHandler } from "../api/index.js";
import { podText } from "../messages.js";
import { joinHostPort } from "../probes/address.js";
import { runInContainer } from "../probes/command-output.js";
import { isPlainHttpAnswer } from "../probes/connection-errors.js";
import { HttpFailure, sendHttp } from "../probes/http-client.js";
import { httpRequest } from "../probes/http-request.js";
import type { Clock } from "../worker/clock.js";
import type { EventRecorder, Hooks } from "../worker/ports.js";

/** The container of a hook. */
type HookTarget = Parameters<Hooks["run"]>[1];

interface HookOptions {
  readonly signal: AbortSignal;
  readonly record?: EventRecorder | undefined;
}

/**
 * Creates the hooks as the kubelet runs them. `exec` has no time limit of its own, and its command is not expanded. `httpGet` succeeds
 * with any status; where an HTTPS port answers in plain HTTP, the request is repeated with HTTP, and `LifecycleHTTPFallback` is recorded.
 * `sleep` waits by the clock. `tcpSocket` always fails: the API accepts it, and no kubelet runs it.
 *
 * A hook that the signal cuts off rejects with the signal's reason, and is canceled.
 */
export function lifecycleHooks(parts: {
  readonly runtime: Pick<RuntimeClient, "execSync">;
  readonly clock: Clock;
}): Hooks {
  return {
    async run(handler, target, options) {
      options.signal.throwIfAborted();
      try {
        await raceAbort(runHandler(handler, target, options, parts), options.signal);
      } catch (error) {
        options.signal.throwIfAborted();
        throw hookError(handler, target, error);
      }
    },
  };
}

async function runHandler(
  { exec, httpGet, sleep }: LifecycleHandler,
  { container, containerId, podIPs }: HookTarget,
  { signal, record }: HookOptions,
  { runtime, clock }: { readonly runtime: Pick<RuntimeClient, "execSync">; readonly clock: Clock },
): Promise<void> {
  if (exec) {
    const { command = [] } = exec;
    const { exitCode, output } = await runInContainer(runtime, containerId, command, 0, signal);
    if (exitCode !== 0)
      throw new Error(`command '${command.join(" ")}' exited with ${exitCode}: ${output.trim()}`);
  } else if (httpGet) {
    const request = httpRequest(httpGet, container, podIPs, "lifecycle");
    try {
      await sendHttp(request, signal);
    } catch (error) {
      if (!(error instanceof HttpFailure && isPlainHttpAnswer(error.cause))) throw error;
      const headers = Object.entries(request.headers).filter(
        ([name]) => name.toLowerCase() !== "authorization",
      );
      const plain = { ...request, scheme: "http", headers: Object.fromEntries(headers) } as const;
      // The first failure is the one to report when the fallback fails, too.
      await sendHttp(plain, signal).catch(() => Promise.reject(error));
      const message = `request to HTTPS lifecycle hook ${joinHostPort(request.host, request.port)} got HTTP response, retry with HTTP succeeded`;
      record?.({ type: "Warning", reason: "LifecycleHTTPFallback", message, container: container.name });
    }
  } else if (sleep) await clock.sleep(sleep.seconds * 1_000, signal);
  else throw new Error("invalid handler: it has none of exec, httpGet and sleep");
}

/** Creates the error of a hook that failed, in the words of the kubelet's events. */
function hookError(handler: LifecycleHandler, { pod, container }: HookTarget, cause: unknown): CriError {
  const where = `for Container ${JSON.stringify(container.name)} in Pod ${JSON.stringify(podText(pod))} failed`;
  const text = (hook: string) => `${hook} ${where} - error: ${messageOf(cause)}`;
  const { exec, httpGet, sleep } = handler;
  const rawMessage = exec
    ? text(`Exec lifecycle hook (${(exec.command ?? []).join(" ")})`)
    : httpGet
      ? text(`HTTP lifecycle hook (${httpGet.path ?? "/"})`)
      : sleep
        ? text(`Sleep lifecycle hook (${sleep.seconds})`)
        : `Cannot run handler: ${messageOf(cause)}`;
  return criError("hook_failed", rawMessage, { cause });
}
