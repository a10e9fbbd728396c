import type { Problem } from "../../core/index.js";
import { invalidRequest } from "./errors.js";

/** The streams of a command, as CRI's ExecRequest and AttachRequest have them. Of tty and stderr, one at most. */
export interface StreamChoice {
  readonly stdin?: boolean | undefined;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  readonly tty?: boolean | undefined;
}

/** The fields of CRI's AttachRequest; its message fits. */
export interface StreamingAttachRequest extends StreamChoice {
  readonly containerId: string;
}

/** The fields of CRI's ExecRequest; its message fits. */
export interface StreamingExecRequest extends StreamingAttachRequest {
  readonly cmd?: readonly string[] | undefined;
}

/** The fields of CRI's PortForwardRequest; its message fits. */
export interface StreamingPortForwardRequest {
  readonly podSandboxId: string;
  /** The ports of a session over WebSocket, in order. Over SPDY the client names them. */
  readonly port?: readonly number[] | undefined;
}

/** A command's session that a token stands for. */
export interface CommandPlan {
  readonly kind: "exec" | "attach";
  readonly containerId: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A port-forward's session that a token stands for. */
export interface ForwardPlan {
  readonly kind: "portforward";
  readonly podSandboxId: string;
  readonly ports: readonly number[];
}

/** What a token stands for. */
export type SessionPlan = CommandPlan | ForwardPlan;

/** Checks a command's request, by the rules that runtimes have. Throws `invalid_request`. */
export function planCommand(kind: CommandPlan["kind"], request: StreamingExecRequest): CommandPlan {
  const { containerId, cmd = [], stdin = false, stdout = false, stderr = false, tty = false } = request;
  const problems: Problem[] = [];
  if (!containerId) problems.push({ path: "containerId", message: "is required", value: containerId });
  if (tty && stderr)
    problems.push({
      path: "stderr",
      message: "must be false with tty: a terminal has one output",
      value: stderr,
    });
  if (!stdin && !stdout && !stderr)
    problems.push({ path: "stdin", message: "must be true, or stdout or stderr", value: stdin });
  if (problems.length > 0) throw invalidRequest(problems);
  return Object.freeze({ kind, containerId, command: Object.freeze([...cmd]), stdin, stdout, stderr, tty });
}

/** Checks a port-forward's request. Throws `invalid_request`. */
export function planForward({ podSandboxId, port = [] }: StreamingPortForwardRequest): ForwardPlan {
  const problems: Problem[] = [];
  if (!podSandboxId) problems.push({ path: "podSandboxId", message: "is required", value: podSandboxId });
  for (const [index, value] of port.entries())
    if (!isPort(value))
      problems.push({ path: `port[${index}]`, message: "must be a whole number from 1 to 65535", value });
  if (problems.length > 0) throw invalidRequest(problems);
  return Object.freeze({ kind: "portforward", podSandboxId, ports: Object.freeze([...port]) });
}

/** Whether a number is one that can be connected to. */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
