import assert from "node:assert/strict";
import { ContainerState } from "../../../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../../../core/index.js";
import { casesOf } from "../case.js";
import { collectText, textOf } from "../collect.js";

const { CONTAINER_RUNNING } = ContainerState;

/** Reports whether the runtime ended a session, and not this side or a time limit. */
function isFromPeer(error: unknown): boolean {
  const ours = ["aborted_by_caller", "client_closed", "deadline", "start_timeout"];
  return isCriError(error) && !ours.includes(error.reason);
}

/** Attach: the streams of a container's first process. */
export const attachCases = casesOf("streaming", {
  "attach-receives-the-output": {
    title: "Attach receives the output that the container prints after the connection",
    rule: "With AttachRequest.stdout, the session receives the output of the first process from the connection on.",
    async run(context) {
      const { id } = await context.start(context.commands.tick);
      const session = await context.attach(id);
      const seen = collectText(session.stdout);
      session.stderr?.resume();
      await context.eventually("three ticks come", () => (seen.text.match(/tick \d+\n/g)?.length ?? 0) >= 3);
      await session.close();
    },
  },
  "attach-ends-without-the-container": {
    title: "ending an Attach session does not affect the container",
    rule: "After the end of an Attach session, the container and its log continue.",
    async run(context) {
      const container = await context.start(context.commands.tick);
      const session = await context.attach(container.id);
      const seen = collectText(session.stdout);
      session.stderr?.resume();
      await context.eventually("a tick comes", () => seen.text.includes("tick"));
      await session.close();
      const { length } = await container.log("a tick", (lines) => lines.length > 0);
      await container.log("more ticks", (lines) => lines.length > length);
      assert.equal((await container.status()).state, CONTAINER_RUNNING);
    },
  },
  "attach-has-two-readers": {
    title: "two Attach sessions receive the same output",
    rule: "Attach may be called more than once for a container: each session has its output.",
    async run(context) {
      const { id } = await context.start(context.commands.tick);
      const sessions = [await context.attach(id), await context.attach(id)];
      const seen = sessions.map(({ stdout, stderr }) => {
        stderr?.resume();
        return collectText(stdout);
      });
      await context.eventually("a tick comes to both", () => {
        const [one = [], other = []] = seen.map(({ text }): string[] => text.match(/tick \d+(?=\n)/g) ?? []);
        return one.some((tick) => other.includes(tick));
      });
      await Promise.all(sessions.map((session) => session.close()));
    },
  },
  "attach-passes-input": {
    title: "Attach passes input to a container with stdin",
    rule: "With AttachRequest.stdin, the data that the caller sends is the input of the container's first process.",
    async run(context) {
      const container = await context.start(context.commands.cat, { stdin: true });
      const session = await context.attach(container.id, { stdin: true });
      const seen = collectText(session.stdout);
      session.stderr?.resume();
      session.stdin?.write("to the container\n");
      await context.eventually("it comes back", () => seen.text === "to the container\n");
      await session.close();
      assert.equal((await container.status()).state, CONTAINER_RUNNING);
    },
  },
  "attach-once-ends-the-input": {
    title: "with stdin_once, the end of the first session's input ends the container's input",
    rule: "ContainerConfig.stdin_once closes the standard input when the first client of Attach ends its own.",
    async run(context) {
      const container = await context.start(context.commands.cat, { stdin: true, stdinOnce: true });
      const session = await context.attach(container.id, { stdin: true });
      session.stderr?.resume();
      session.stdin?.end("the only input\n");
      assert.equal(await textOf(session.stdout), "the only input\n");
      await session.ended;
      assert.equal((await container.exited()).exitCode, 0);
    },
  },
  "attach-ends-with-the-container": {
    title: "an Attach session ends with its container",
    rule: "When the first process ends, the streams of Attach end.",
    async run(context) {
      const container = await context.start(context.commands.tick);
      const session = await context.attach(container.id);
      session.stderr?.resume();
      const seen = collectText(session.stdout);
      // CRI does not define how a session ends: runtimes close its streams, or cut its connection.
      const end = session.ended.then(
        () => undefined,
        (error: unknown) => error,
      );
      await container.stop();
      const error = await end;
      assert.ok(error === undefined || isFromPeer(error), `the session did not end by itself: ${error}`);
      // The session may begin in the middle of a line.
      assert.match(seen.text, /^(?:[tick \d]*\n(?:tick \d+\n)*)?$/);
    },
  },
  "attach-to-a-terminal": {
    title: "Attach to a terminal passes input and output",
    rule: "With AttachRequest.tty for a container with tty, the session is the container's terminal.",
    async run(context) {
      const { id } = await context.start(context.commands.cat, { stdin: true, tty: true });
      const session = await context.attach(id, { stdin: true, tty: true });
      const seen = collectText(session.stdout);
      session.stdin?.write("typed\n");
      // The terminal's echo and the process's reply.
      await context.eventually("it comes back twice", () => seen.text.match(/typed\r\n/g)?.length === 2);
      await session.close();
    },
  },
});
