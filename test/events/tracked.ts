import type { TestContext } from "node:test";
import type { FeedListener } from "../../src/events/feed.js";
import type { Follower } from "../../src/events/followers.js";
import { resolveEventsOptions } from "../../src/events/options.js";
import { NodeTracker } from "../../src/events/tracker.js";
import { cleanup } from "../support/cleanup.js";
import { until } from "../support/waiting.js";
import { type Answers, partsOf, quick } from "./support.js";

/** Creates a tracker whose stream the test begins and ends by callbacks, and records its notifications. */
export function tracked(t: TestContext, answers: Answers) {
  let listener: FeedListener | undefined;
  const feed = {
    live: true,
    add: (one: FeedListener) => {
      listener = one;
      return () => undefined;
    },
    restart: () => undefined,
  };
  const { runtime, lists } = partsOf(answers);
  const tracker = new NodeTracker(runtime, lists, feed, resolveEventsOptions(quick));
  const recorded: string[] = [];
  const follower: Follower = {
    onChange: ({ before, after }) => recorded.push(`${(after ?? before)?.id} ${after?.state ?? "removed"}`),
    onConnection: ({ type }) => recorded.push(type),
    onEnd: () => recorded.push("end"),
  };
  tracker.add(follower);
  cleanup(t, () => tracker.remove(follower));
  if (!listener) throw new Error("the tracker added no listener");
  return {
    tracker,
    recorded,
    ...listener,
    seen: (what: string) => until(() => recorded.includes(what), what),
  };
}

export const noEvents = { error: undefined, unsupported: true, final: false } as const;
export const ended = { error: undefined, unsupported: false, final: false } as const;

/** Creates an operation that the test ends: `started()` waits for its start, `end` settles it. */
export function held() {
  let resolve: (() => void) | undefined;
  let reject: ((error: Error) => void) | undefined;
  return {
    run: () =>
      new Promise<void>((resolved, rejected) => {
        resolve = resolved;
        reject = rejected;
      }),
    started: () => until(() => resolve !== undefined, "the start of the operation"),
    end: (error?: Error) => (error ? reject?.(error) : resolve?.()),
  };
}
