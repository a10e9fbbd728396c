import { checkArgument, isDate, isRecord } from "../../core/index.js";
import type { ContainerState, ContainerStatus, PodCondition, PodStatus } from "../api/index.js";
import { keyed } from "../argument-checks.js";

/** The longest messages of all containers of a pod together, in bytes. */
const maxMessageBytes = 12 * 1024;

/**
 * Converts a status to the form that JSON has: times are strings of whole seconds, such as "2026-01-02T15:04:05Z", and the messages of ended
 * containers are cut so that all together have at most 12 KiB.
 */
export function podStatusJson(status: PodStatus<Date>): PodStatus<string> {
  checkArgument("podStatusJson", "status", status, keyed);
  const {
    conditions,
    containerStatuses,
    ephemeralContainerStatuses,
    initContainerStatuses,
    startTime,
    ...rest
  } = status;
  const lists = [containerStatuses, ephemeralContainerStatuses, initContainerStatuses];
  const count = lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
  const limitBytes = Math.floor(maxMessageBytes / Math.max(count, 1));
  const statuses = (list: ContainerStatus<Date>[]) => list.map((it) => containerStatusJson(it, limitBytes));
  return {
    ...rest,
    ...(conditions && { conditions: conditions.map(conditionJson) }),
    ...(containerStatuses && { containerStatuses: statuses(containerStatuses) }),
    ...(ephemeralContainerStatuses && { ephemeralContainerStatuses: statuses(ephemeralContainerStatuses) }),
    ...(initContainerStatuses && { initContainerStatuses: statuses(initContainerStatuses) }),
    ...(startTime && { startTime: timeText(startTime) }),
  };
}

function conditionJson({
  lastProbeTime,
  lastTransitionTime,
  ...rest
}: PodCondition<Date>): PodCondition<string> {
  return {
    ...rest,
    ...(lastProbeTime && { lastProbeTime: timeText(lastProbeTime) }),
    ...(lastTransitionTime && { lastTransitionTime: timeText(lastTransitionTime) }),
  };
}

function containerStatusJson(
  { state, lastState, ...rest }: ContainerStatus<Date>,
  limitBytes: number,
): ContainerStatus<string> {
  return {
    ...rest,
    ...(state && { state: stateJson(state, limitBytes) }),
    ...(lastState && { lastState: stateJson(lastState, limitBytes) }),
  };
}

function stateJson(
  { running, terminated, waiting }: ContainerState<Date>,
  limitBytes: number,
): ContainerState<string> {
  return {
    ...(waiting && { waiting }),
    ...(running && { running: running.startedAt ? { startedAt: timeText(running.startedAt) } : {} }),
    ...(terminated && { terminated: terminatedJson(terminated, limitBytes) }),
  };
}

function terminatedJson(
  { startedAt, finishedAt, message, ...rest }: NonNullable<ContainerState<Date>["terminated"]>,
  limitBytes: number,
): NonNullable<ContainerState<string>["terminated"]> {
  return {
    ...rest,
    ...(message !== undefined && { message: cut(message, limitBytes) }),
    ...(startedAt && { startedAt: timeText(startedAt) }),
    ...(finishedAt && { finishedAt: timeText(finishedAt) }),
  };
}

/** Cuts a text to this many bytes of UTF-8, between characters. */
function cut(text: string, limitBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limitBytes) return text;
  let end = limitBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}

/** Returns a time in RFC 3339 with whole seconds, as `metav1.Time` is written. */
export function timeText(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/**
 * Returns a status with its times as Dates: the reverse of {@link podStatusJson}, and what a Pod of an API server has. Times that are not
 * valid are left out.
 */
export function podStatusOf(status: PodStatus): PodStatus<Date> {
  checkArgument("podStatusOf", "status", status, keyed);
  // Only times have these names, and nothing else in a status is a time.
  return withDates(status) as PodStatus<Date>;
}

const timeNames: ReadonlySet<string> = new Set([
  "startTime",
  "startedAt",
  "finishedAt",
  "lastProbeTime",
  "lastTransitionTime",
]);

function withDates(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withDates);
  if (!isRecord(value) || isDate(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
      if (!timeNames.has(name)) return one === null ? [] : [[name, withDates(one)]];
      const time = new Date(one as string | Date);
      return one === null || Number.isNaN(time.getTime()) ? [] : [[name, time]];
    }),
  );
}
