import assert from "node:assert/strict";
import { existsSync, renameSync } from "node:fs";
import { isAbsolute } from "node:path";
import { casesOf } from "../case.js";
import { type ConformanceLogLine, logText, readLog } from "../log-file.js";

const ended = (text: string) => (lines: readonly ConformanceLogLine[]) => logText(lines).endsWith(text);

/** The logs of containers. */
export const logCases = casesOf("container", {
  "log-has-lines-of-cri": {
    title: "each line of a log has a timestamp, a stream, tags and the printed content",
    rule: "The file at ContainerStatus.log_path has lines: RFC 3339 timestamp, stdout or stderr, P or F, content.",
    async run(context) {
      const container = await context.start(context.commands.print("first\nsecond\n"));
      assert.ok(isAbsolute((await container.status()).logPath));
      // readLog throws for a malformed line.
      const lines = await container.log("both lines", ended("second\n"));
      assert.deepEqual(
        lines.map(({ stream, tag, content }) => [stream, tag, content]),
        [
          ["stdout", "F", "first"],
          ["stdout", "F", "second"],
        ],
      );
    },
  },
  "log-distinguishes-the-streams": {
    title: "a log distinguishes standard output and standard error",
    rule: "Each line of the file at ContainerStatus.log_path names the stream that it was printed to.",
    async run(context) {
      const container = await context.start(context.commands.print("to stdout\n", "to stderr\n"));
      const lines = await container.log("both", (all) => all.length >= 2);
      assert.deepEqual(
        [logText(lines, "stdout"), logText(lines, "stderr"), lines.length],
        ["to stdout\n", "to stderr\n", 2],
      );
    },
  },
  "log-marks-an-unfinished-line": {
    title: "a last line without a newline is logged as partial",
    rule: "ContainerStatus.log_path: the output after the last newline is a line with the tag P.",
    async run(context) {
      const container = await context.start(context.commands.print("whole\nunfinished"));
      const lines = await container.log("the unfinished line", ended("unfinished"));
      assert.deepEqual(
        lines.map(({ tag, content }) => [tag, content]),
        [
          ["F", "whole"],
          ["P", "unfinished"],
        ],
      );
    },
  },
  "log-cuts-long-lines": {
    title: "a long line is split into partial lines",
    rule: "ContainerStatus.log_path: a line that is too long becomes several with the tag P and a last one with F.",
    async run(context) {
      const container = await context.start(context.commands.fill(100_000, 100_000));
      const lines = await container.log("the end of the line", ended("x\n"));
      assert.equal(logText(lines), `${"x".repeat(99_999)}\n`);
      assert.ok(lines.length > 1, "the line was not split");
      assert.equal(
        lines.slice(0, -1).every(({ tag }) => tag === "P"),
        true,
      );
      assert.equal(lines.at(-1)?.tag, "F");
    },
  },
  "log-keeps-empty-lines": {
    title: "empty lines are logged",
    rule: "ContainerStatus.log_path: an empty line of output is a line in the log, with empty content after the tag.",
    async run(context) {
      const container = await context.start(context.commands.print("\n\nend\n"));
      const lines = await container.log("the end", ended("end\n"));
      assert.deepEqual(
        lines.map(({ content }) => content),
        ["", "", "end"],
      );
    },
  },
  "log-keeps-bytes": {
    title: "a log has the bytes that were printed",
    rule: "ContainerStatus.log_path: the content of a line is the printed one: tabs, quotes, UTF-8, trailing spaces.",
    async run(context) {
      const text = ' \t"quotes" \\n ünïcödé 日本 P F stdout  \n';
      const container = await context.start(context.commands.print(text));
      assert.equal(logText(await container.log("the line", ended("\n"))), text);
    },
  },
  "log-has-all-lines": {
    title: "a log has a large output completely and in order",
    rule: "ContainerStatus.log_path: no line of a container's output is missing in its log.",
    async run(context) {
      const container = await context.start(context.commands.fill(400_000, 80));
      await container.exited();
      // A runtime may split a line where one of its reads ends, so the text counts and not the number of records.
      const lines = await container.log("400,000 bytes", (all) => logText(all).length >= 400_000);
      assert.ok(logText(lines) === `${"x".repeat(79)}\n`.repeat(5_000), "the log differs from the output");
      assert.ok(lines.every(({ stream }) => stream === "stdout"));
    },
  },
  "log-grows-while-it-runs": {
    title: "a log can be read while its container runs, and its timestamps increase",
    rule: "ContainerStatus.log_path: lines reach the log as they are printed, with the time of printing.",
    async run(context) {
      const container = await context.start(context.commands.tick);
      const lines = await container.log("five lines", (all) => all.length >= 5);
      assert.deepEqual(
        lines.slice(0, 5).map(({ content }) => content),
        [1, 2, 3, 4, 5].map((tick) => `tick ${tick}`),
      );
      const times = lines.map(({ timestamp }) => Date.parse(timestamp));
      assert.deepEqual(
        times,
        [...times].sort((one, other) => one - other),
      );
      assert.ok(Math.abs((times.at(-1) ?? 0) - Date.now()) < 60_000, `${lines.at(-1)?.timestamp}`);
    },
  },
  "log-is-reopened": {
    title: "after a rotation, new lines go to a new file, and none is lost",
    rule: "ReopenContainerLog closes the renamed file, and opens log_path again: new lines go there.",
    async run(context) {
      const container = await context.start(context.commands.tick);
      await container.log("two lines", (all) => all.length >= 2);
      const rotated = `${container.logPath}.rotated`;
      renameSync(container.logPath, rotated);
      await context.runtime.reopenContainerLog({ containerId: container.id });
      const after = await container.log("two new lines", (all) => all.length >= 2);
      const before = await readLog(rotated);
      const ticks = [...before, ...after].map(({ content }) => content);
      assert.deepEqual(
        ticks,
        ticks.map((_, index) => `tick ${index + 1}`),
      );
      assert.ok(before.length >= 2);
    },
  },
  "log-survives-its-container": {
    title: "a log outlives its container",
    rule: "RemoveContainer leaves the file at log_path: the caller deletes it.",
    async run(context) {
      const container = await context.start(context.commands.print("kept\n"));
      await container.exited();
      await container.log("the line", ended("kept\n"));
      await context.runtime.removeContainer({ containerId: container.id });
      assert.equal(existsSync(container.logPath), true);
      assert.equal(logText(await readLog(container.logPath)), "kept\n");
    },
  },
  "log-of-a-terminal-is-stdout": {
    title: "all output of a terminal is standard output in the log",
    rule: "ContainerStatus.log_path: with ContainerConfig.tty both outputs are one stream, and all lines name stdout.",
    async run(context) {
      const container = await context.start(context.commands.print("out\n", "err\n"), { tty: true });
      const lines = await container.log("both", (all) => all.length >= 2);
      const contents = lines.map(({ content }) => content.replace(/\r$/, ""));
      assert.deepEqual(contents, ["out", "err"]);
      assert.ok(lines.every(({ stream }) => stream === "stdout"));
    },
  },
});
