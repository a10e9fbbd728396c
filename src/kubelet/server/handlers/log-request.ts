import type { ContainerState } from "../../../kubernetes/index.js";
import type { LogStream, ReadLogsOptions } from "../../../logs/index.js";
import type { KubeletPod } from "../../kubelet-view.js";
import { HttpError } from "../http-error.js";
import { containerStatus, idOfContainer } from "../known-pods.js";

/** The options of a request for logs: those of core/v1 PodLogOptions. */
export interface LogRequest {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tail: number | undefined;
  readonly since: Date | undefined;
  readonly limitBytes: number | undefined;
  readonly stream: LogStream | undefined;
}

/**
 * Reads the query of a request for logs. Throws 400 for values that are not numbers, times or booleans, and 422 for numbers that are
 * too small and options that exclude each other.
 *
 * @param nowMs the time from which `sinceSeconds` counts back, in milliseconds since 1970
 */
export function readLogRequest(query: URLSearchParams, nowMs: number): LogRequest {
  const sinceSeconds = wholeNumber(query, "sinceSeconds");
  const sinceTime = time(query, "sinceTime");
  const tail = wholeNumber(query, "tailLines");
  const limitBytes = wholeNumber(query, "limitBytes");
  atLeast("sinceSeconds", sinceSeconds, 1);
  atLeast("tailLines", tail, 0);
  atLeast("limitBytes", limitBytes, 1);
  if (sinceSeconds !== undefined && sinceTime !== undefined)
    throw new HttpError(422, "sinceSeconds: at most one of `sinceTime` or `sinceSeconds` may be specified");
  const stream = streamOf(query.get("stream"));
  if (stream !== undefined && tail !== undefined)
    throw new HttpError(422, "tailLines: cannot be combined with a `stream` that is not All");
  return {
    follow: boolean(query, "follow"),
    previous: boolean(query, "previous"),
    timestamps: boolean(query, "timestamps"),
    tail,
    since: sinceSeconds === undefined ? sinceTime : new Date(Math.max(0, nowMs - sinceSeconds * 1_000)),
    limitBytes,
    stream,
  };
}

/** The options for the reader of the log that a request stands for. */
export function readerOptions({ follow, tail, since, stream }: LogRequest): ReadLogsOptions {
  return { follow, tail, since, stream };
}

/**
 * Returns the id of the container whose log is meant: the one that runs or ended last, or with `previous` the one before. Throws 400 for
 * one that has no log yet, with the kubelet's texts.
 */
export function loggedContainer(pod: KubeletPod, container: string, previous: boolean): string {
  const status = containerStatus(pod, container);
  const where = `container "${container}" in pod "${pod.pod.metadata.name}"`;
  if (!status) throw new HttpError(400, `${where} is not available`);
  const { state = {}, lastState, containerID } = status;
  const last = idOfContainer(lastState?.terminated?.containerID);
  if (previous) {
    if (last !== undefined) return last;
    throw new HttpError(400, `previous terminated ${where} not found`);
  }
  const current = state.terminated
    ? (idOfContainer(state.terminated.containerID) ?? last)
    : state.running
      ? idOfContainer(containerID)
      : last;
  if (current !== undefined) return current;
  throw new HttpError(400, `${where} ${whyWithoutLog(state)}`);
}

function whyWithoutLog({ terminated, waiting }: ContainerState<Date>): string {
  if (terminated) return "is terminated";
  switch (waiting?.reason) {
    case undefined:
    case "":
      return "is waiting to start - no logs yet";
    case "ErrImagePull":
      return "is waiting to start: image can't be pulled";
    case "ImagePullBackOff":
      return "is waiting to start: trying and failing to pull image";
    default:
      return `is waiting to start: ${waiting?.reason}`;
  }
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new HttpError(400, `Unable to decode query: ${name} must be a whole number`);
  return value;
}

function atLeast(name: string, value: number | undefined, min: number): void {
  if (value !== undefined && value < min)
    throw new HttpError(422, `${name}: Invalid value: ${value}: must be greater than or equal to ${min}`);
}

function time(query: URLSearchParams, name: string): Date | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = new Date(text);
  if (
    !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text) ||
    Number.isNaN(value.getTime())
  )
    throw new HttpError(400, `Unable to decode query: ${name} must be a time in RFC 3339`);
  return value;
}

function boolean(query: URLSearchParams, name: string): boolean {
  switch (query.get(name)?.toLowerCase()) {
    case undefined:
    case "false":
    case "0":
      return false;
    // A name without a value is true, as Kubernetes' clients and API server have it.
    case "":
    case "true":
    case "1":
      return true;
    default:
      throw new HttpError(400, `Unable to decode query: ${name} must be true or false`);
  }
}

function streamOf(name: string | null): LogStream | undefined {
  switch (name) {
    case null:
    case "":
    case "All":
      return undefined;
    case "Stdout":
      return "stdout";
    case "Stderr":
      return "stderr";
    default:
      throw new HttpError(
        422,
        `stream: Unsupported value: ${JSON.stringify(name)}: supported values: "All", "Stderr", "Stdout"`,
      );
  }
}
