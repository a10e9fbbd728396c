import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { formatLogTime, type LogEntry, type LogReader } from "../../../logs/index.js";
import { HttpError } from "../http-error.js";
import { findContainer, findPod } from "../known-pods.js";
import type { RequestContext } from "../request-context.js";
import { loggedContainer, readerOptions, readLogRequest } from "./log-request.js";
import { sendLog } from "./send-log.js";

/** Answers with the log of a container, up to its end; with `follow`, until the container ends or the client disconnects. */
export async function containerLogs({
  parts,
  route,
  query,
  response,
  signal,
}: RequestContext): Promise<void> {
  const { cri, clock } = parts.view;
  const { names } = route;
  const request = readLogRequest(query, clock.now());
  const pod = findPod(parts.view, names);
  if (!pod) throw new HttpError(404, `pod "${names.pod}" does not exist`);
  if (!findContainer(parts.view, names))
    throw new HttpError(404, `container "${names.container}" not found in pod "${names.pod}"`);
  const id = loggedContainer(pod, names.container, request.previous);
  const { timestamps, limitBytes, follow } = request;
  await using reader = cri.logs(id, {
    ...readerOptions(request),
    // With timestamps, each record is an entry: the time of a line is that of its first record.
    ...(timestamps ? { maxLineBytes: 0 } : { limitBytes }),
    signal,
  });
  const write = timestamps
    ? () => writeWithTimes(reader, response, limitBytes, signal)
    : () => reader.writeTo(response);
  await sendLog(response, { contentType: "text/plain", follow, write, signal });
}

/** Writes the time before each line. As in the kubelet, `limitBytes` includes the times. */
async function writeWithTimes(
  reader: LogReader,
  response: ServerResponse,
  limitBytes: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  let leftBytes = limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const batch of reader.batches()) {
    const chunk = Buffer.concat(batch.flatMap(lineWithTime)).subarray(0, leftBytes);
    leftBytes -= chunk.length;
    if (!response.write(chunk)) await once(response, "drain", { signal });
    if (leftBytes <= 0) return;
  }
}

const newline = Buffer.from("\n");

function lineWithTime({ bytes, timeNanos, continued, partial }: LogEntry): readonly Buffer[] {
  const prefix = continued ? [] : [Buffer.from(`${formatLogTime(timeNanos)} `)];
  return [...prefix, bytes, ...(partial ? [] : [newline])];
}
