import type { TestContext } from "node:test";
import type { FeedListener } from "../../src/events/feed.js";
import type { Follower } from "../../src/events/follower.js";
import { resolveEventsOptions } from "../../src/events/options.js";
import { NodeTracker } from "../../src/events/tracker.js";
import { cleanup } from "../support/cleanup.js";
import { until } from "../support/waiting.js";
import { type Answers, partsOf, quick } from "./support.js";

/** A tracker whose stream begins and ends when a test says so, and what it tells. */
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
  const told: string[] = [];
  const follower: Follower = {
    onChange: ({ before, after }) => told.push(`${(after ?? before)?.id} ${after?.state ?? "gone"}`),
    onConnection: ({ type }) => told.push(type),
    onEnd: () => told.push("end"),
  };
  tracker.add(follower);
  cleanup(t, () => tracker.remove(follower));
  if (!listener) throw new Error("nobody listens");
  return { tracker, told, ...listener, seen: (what: string) => until(() => told.includes(what), what) };
}

export const noEvents = { error: undefined, unsupported: true, final: false } as const;
export const ended = { error: undefined, unsupported: false, final: false } as const;

/** Something that takes as long as a test wants: `begun()` tells that it is under way, `end` ends it. */
export function held() {
  let resolve: (() => void) | undefined;
  let reject: ((error: Error) => void) | undefined;
  return {
    run: () =>
      new Promise<void>((resolved, rejected) => {
        resolve = resolved;
        reject = rejected;
      }),
    begun: () => until(() => resolve !== undefined, "it is under way"),
    end: (error?: Error) => (error ? reject?.(error) : resolve?.()),
  };
}
