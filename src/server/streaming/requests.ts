import { isKeyed, Violations } from "../../core/index.js";

/** The streams of a command, as in CRI's ExecRequest and AttachRequest. `tty` and `stderr` exclude each other. */
export interface StreamChoice {
  /** Whether the command gets input. @default false */
  readonly stdin?: boolean | undefined;
  /** Whether the output to stdout is sent. @default false */
  readonly stdout?: boolean | undefined;
  /** Whether the output to stderr is sent. @default false */
  readonly stderr?: boolean | undefined;
  /** Whether the command has a terminal. @default false */
  readonly tty?: boolean | undefined;
}

/** The fields of CRI's AttachRequest; the message itself is assignable. */
export interface StreamingAttachRequest extends StreamChoice {
  /** The id of the container. */
  readonly containerId: string;
}

/** The fields of CRI's ExecRequest; the message itself is assignable. */
export interface StreamingExecRequest extends StreamingAttachRequest {
  /** The program and its arguments. */
  readonly cmd?: readonly string[] | undefined;
}

/** The fields of CRI's PortForwardRequest; the message itself is assignable. */
export interface StreamingPortForwardRequest {
  /** The id of the sandbox. */
  readonly podSandboxId: string;
  /** The ports of a session over WebSocket, in order. Over SPDY the client names the port of each connection. */
  readonly port?: readonly number[] | undefined;
}

/** A validated exec or attach request. */
export interface CommandPlan {
  readonly kind: "exec" | "attach";
  readonly containerId: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A validated port-forward request. */
export interface ForwardPlan {
  readonly kind: "portforward";
  readonly podSandboxId: string;
  readonly ports: readonly number[];
}

/** The session that a token authorizes. */
export type SessionPlan = CommandPlan | ForwardPlan;

/** Validates a command request by containerd's and CRI-O's rules. Throws `invalid_request`. */
export function planCommand(kind: CommandPlan["kind"], request: StreamingExecRequest): CommandPlan {
  checkRequest(kind, request);
  const { containerId, cmd = [], stdin = false, stdout = false, stderr = false, tty = false } = request;
  const violations = new Violations();
  checkId(violations, "containerId", containerId);
  const isCommand = Array.isArray(cmd) && cmd.every((part) => typeof part === "string");
  violations.check(isCommand, "cmd", "must be an array of strings", cmd);
  violations.check(!(tty && stderr), "stderr", "must be false with tty: a terminal has one output", stderr);
  violations.check(stdin || stdout || stderr, "stdin", "must be true, or stdout or stderr", stdin);
  violations.throwIfAny("invalid_request", kind);
  return Object.freeze({ kind, containerId, command: Object.freeze([...cmd]), stdin, stdout, stderr, tty });
}

/** Validates a port-forward request. Throws `invalid_request`. */
export function planForward(request: StreamingPortForwardRequest): ForwardPlan {
  checkRequest("portForward", request);
  const { podSandboxId, port = [] } = request;
  const violations = new Violations();
  checkId(violations, "podSandboxId", podSandboxId);
  violations.check(Array.isArray(port), "port", "must be an array of numbers", port);
  for (const [index, value] of Array.isArray(port) ? port.entries() : [])
    violations.check(isPort(value), `port[${index}]`, "must be a whole number from 1 to 65535", value);
  violations.throwIfAny("invalid_request", "portForward");
  return Object.freeze({ kind: "portforward", podSandboxId, ports: Object.freeze([...port]) });
}

/** Throws `invalid_request` for anything but an object. */
function checkRequest(kind: string, request: object): void {
  const violations = new Violations();
  violations.check(isKeyed(request), "request", "must be an object", request);
  violations.throwIfAny("invalid_request", kind);
}

function checkId(violations: Violations, field: string, id: string): void {
  violations.check(Boolean(id), field, "is required", id);
  violations.check(!id || typeof id === "string", field, "must be a string", id);
}

/** Reports whether a number is a valid TCP port. */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
