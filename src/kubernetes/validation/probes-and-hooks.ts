import { signalNamed } from "../../pods/index.js";
import type {
  ExecAction,
  GRPCAction,
  HTTPGetAction,
  LifecycleHandler,
  SleepAction,
  TCPSocketAction,
} from "../api/index.js";
import type { DefaultedContainer, DefaultedLifecycle, DefaultedProbe } from "../defaults/index.js";
import type { FieldPath, FieldProblems } from "../schema/index.js";
import { checkGiven, checkPortNumber, checkRange, checkUnion, checkWord } from "./checks.js";
import { checkString } from "./metadata.js";
import { portName } from "./name-rules.js";
import type { PodContext } from "./pod-context.js";

interface Actions {
  readonly exec?: ExecAction;
  readonly grpc?: GRPCAction;
  readonly httpGet?: HTTPGetAction;
  readonly sleep?: SleepAction;
  readonly tcpSocket?: TCPSocketAction;
}

/** Reports probes of a container that are not valid. */
export function checkProbes(container: DefaultedContainer, path: FieldPath, problems: FieldProblems): void {
  for (const field of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    const probe = container[field];
    if (probe) checkProbe(probe, field, container, path.child(field), problems);
  }
}

function checkProbe(
  probe: DefaultedProbe,
  field: "livenessProbe" | "readinessProbe" | "startupProbe",
  container: DefaultedContainer,
  path: FieldPath,
  problems: FieldProblems,
): void {
  checkUnion(probe, ["exec", "httpGet", "tcpSocket", "grpc"], "a handler type", path, problems);
  checkActions(probe, container, path, problems);
  for (const name of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const)
    checkRange(probe[name], 0, Number.POSITIVE_INFINITY, path.child(name), problems);
  const { terminationGracePeriodSeconds: grace, successThreshold } = probe;
  const gracePath = path.child("terminationGracePeriodSeconds");
  if (field === "readinessProbe" && grace !== undefined)
    problems.invalid(gracePath, grace, "must not be set for readiness probes");
  else if (grace !== undefined && grace <= 0) problems.invalid(gracePath, grace, "must be greater than 0");
  if (field !== "readinessProbe" && successThreshold > 1)
    problems.invalid(path.child("successThreshold"), successThreshold, "must be 1");
}

/** Reports hooks of a container that are not valid. */
export function checkLifecycle(
  lifecycle: DefaultedLifecycle | undefined,
  container: DefaultedContainer,
  path: FieldPath,
  { spec, problems }: PodContext,
): void {
  if (!lifecycle) return;
  for (const field of ["postStart", "preStop"] as const) {
    const handler: LifecycleHandler | undefined = lifecycle[field];
    if (!handler) continue;
    const here = path.child(field);
    checkUnion(handler, ["exec", "httpGet", "tcpSocket", "sleep"], "a handler type", here, problems);
    checkActions(handler, container, here, problems);
    if (handler.sleep)
      checkRange(
        handler.sleep.seconds,
        0,
        Math.max(0, spec.terminationGracePeriodSeconds),
        here.child("sleep").child("seconds"),
        problems,
      );
  }
  const { stopSignal } = lifecycle;
  if (!stopSignal) return;
  if (!spec.os?.name)
    problems.forbidden(path.child("stopSignal"), 'must not be set without spec.os.name: set it to "linux"');
  if (signalNamed(stopSignal) === undefined)
    problems.invalid(
      path.child("stopSignal"),
      stopSignal,
      "must be the name of a signal, such as SIGTERM or SIGRTMIN+3",
    );
}

function checkActions(
  actions: Actions,
  container: DefaultedContainer,
  path: FieldPath,
  problems: FieldProblems,
): void {
  const { exec, httpGet, tcpSocket, grpc } = actions;
  if (exec && !exec.command?.length) problems.required(path.child("exec").child("command"));
  if (httpGet) checkHttpGet(httpGet, container, path.child("httpGet"), problems);
  if (tcpSocket) checkPort(tcpSocket.port, container, path.child("tcpSocket").child("port"), problems);
  if (grpc) checkPortNumber(grpc.port, path.child("grpc").child("port"), problems);
}

function checkHttpGet(
  action: HTTPGetAction,
  container: DefaultedContainer,
  path: FieldPath,
  problems: FieldProblems,
): void {
  checkGiven(action.path, path.child("path"), problems);
  checkPort(action.port, container, path.child("port"), problems);
  checkWord(action.scheme, ["HTTP", "HTTPS"], path.child("scheme"), problems);
  for (const [index, { name }] of (action.httpHeaders ?? []).entries())
    checkString(name, path.child("httpHeaders").index(index).child("name"), problems, headerName);
}

function headerName(text: string): string | undefined {
  return /^[-A-Za-z0-9]+$/.test(text) ? undefined : 'must consist of letters, digits and "-"';
}

/** A number, or the name of a port of the container: the kubelet would never find another one. */
function checkPort(
  port: number | string,
  container: DefaultedContainer,
  path: FieldPath,
  problems: FieldProblems,
): void {
  if (typeof port === "number") checkPortNumber(port, path, problems);
  else if (checkString(port, path, problems, portName) && !container.ports.some(({ name }) => name === port))
    problems.notFound(path, port);
}
