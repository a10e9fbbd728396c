import assert from "node:assert/strict";
import { ContainerState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import { growing, textOf } from "../collect.js";

const { CONTAINER_RUNNING } = ContainerState;

/** Attach: the streams of a container's first process. */
export const attachCases = casesOf("streaming", {
  "attach-sees-what-is-printed": {
    title: "Attach sees what the container prints from then on",
    rule: "With AttachRequest.stdout, the session has what the first process prints after the connection.",
    async run(context) {
      const { id } = await context.start(context.commands.tick);
      const session = await context.attach(id);
      const seen = growing(session.stdout);
      session.stderr?.resume();
      await context.eventually("three ticks come", () => (seen.text.match(/tick \d+\n/g)?.length ?? 0) >= 3);
      await session.close();
    },
  },
  "attach-ends-without-the-container": {
    title: "leaving a session of Attach changes nothing in the container",
    rule: "The end of a session of Attach is not the end of the container: it runs on, and its log goes on.",
    async run(context) {
      const container = await context.start(context.commands.tick);
      const session = await context.attach(container.id);
      const seen = growing(session.stdout);
      session.stderr?.resume();
      await context.eventually("a tick comes", () => seen.text.includes("tick"));
      await session.close();
      const { length } = await container.log("a tick", (lines) => lines.length > 0);
      await container.log("more ticks", (lines) => lines.length > length);
      assert.equal((await container.status()).state, CONTAINER_RUNNING);
    },
  },
  "attach-has-two-readers": {
    title: "two sessions of Attach see the same",
    rule: "Attach may be called more than once for a container: each session has its output.",
    async run(context) {
      const { id } = await context.start(context.commands.tick);
      const sessions = [await context.attach(id), await context.attach(id)];
      const seen = sessions.map(({ stdout, stderr }) => {
        stderr?.resume();
        return growing(stdout);
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
    rule: "With AttachRequest.stdin, what the caller sends is the input of the container's first process.",
    async run(context) {
      const container = await context.start(context.commands.cat, { stdin: true });
      const session = await context.attach(container.id, { stdin: true });
      const seen = growing(session.stdout);
      session.stderr?.resume();
      session.stdin?.write("to the container\n");
      await context.eventually("it comes back", () => seen.text === "to the container\n");
      await session.close();
      assert.equal((await container.status()).state, CONTAINER_RUNNING);
    },
  },
  "attach-once-ends-the-input": {
    title: "with stdin_once, the end of the first session's input is the end of the container's",
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
    title: "a session of Attach ends when its container does",
    rule: "When the first process ends, the streams of Attach come to their end.",
    async run(context) {
      const container = await context.start(context.commands.tick);
      const session = await context.attach(container.id);
      session.stderr?.resume();
      const output = textOf(session.stdout);
      await container.stop();
      assert.match(`\n${await output}`, /\n(tick \d+\n)*$/);
      await session.ended;
    },
  },
  "attach-to-a-terminal": {
    title: "Attach to a terminal passes input and output",
    rule: "With AttachRequest.tty for a container with tty, the session is the container's terminal.",
    async run(context) {
      const { id } = await context.start(context.commands.cat, { stdin: true, tty: true });
      const session = await context.attach(id, { stdin: true, tty: true });
      const seen = growing(session.stdout);
      session.stdin?.write("typed\n");
      // The terminal's echo, and what the process answers.
      await context.eventually("it comes back twice", () => seen.text.match(/typed\r\n/g)?.length === 2);
      await session.close();
    },
  },
});
