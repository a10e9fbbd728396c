// What runtimes other than containerd do, and CRI allows: the cases accept it, and still notice violations.
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CriError, connect, type RpcInterceptor } from "../../src/index.js";
import { conformanceCases, runConformance } from "../../src/testing/conformance/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { withInterceptors } from "../../src/transport/index.js";
import { cleanup } from "../support/cleanup.js";
import { programs, scriptedCommands } from "../support/scripted-programs.js";
import { tempFolder } from "../support/temp.js";

const images = {
  main: "docker.io/library/busybox:1.37",
  sameImage: "quay.io/prometheus/busybox:latest",
  other: "docker.io/library/alpine:3.22",
  missing: "docker.io/library/busybox:no-such-tag",
};

/** Runs one case on a runtime whose calls pass an interceptor. */
async function runOn(t: TestContext, id: string, interceptor: RpcInterceptor) {
  const runtime = await EmbeddedRuntime.start({ programs });
  cleanup(t, () => runtime.close());
  const cri = connect.through({
    transport: withInterceptors(runtime.transport, [interceptor]),
    normalize: false,
  });
  cleanup(t, () => cri.close());
  const target = { cri, images, directory: await tempFolder(t), commands: scriptedCommands };
  const { results } = await runConformance(target, { only: [id] });
  return results.map(({ outcome, ...more }) => [outcome, JSON.stringify(more)]);
}

/** Runs one case with a context of the test. */
async function runWith(id: string, context: object): Promise<void> {
  const found = conformanceCases.find((one) => one.id === id);
  assert.ok(found, id);
  await found.run(context as Parameters<typeof found.run>[0]);
}

test("containers with resources have the namespaces of their pod, which CRI-O requires", async (t) => {
  const refuses: RpcInterceptor = (next) => async (request) => {
    if (!request.stream && request.method.localName === "createContainer") {
      const { config } = request.message as unknown as {
        config?: { linux?: { securityContext?: { namespaceOptions?: object } } };
      };
      if (config?.linux && !config.linux.securityContext?.namespaceOptions)
        throw new CriError({ code: "unknown", reason: "runtime_error", rawMessage: "no namespaces" });
    }
    return await next(request);
  };
  for (const id of ["container.keeps-its-resources", "container.update-leaves-the-rest"])
    assert.deepEqual(
      (await runOn(t, id, refuses)).map(([outcome]) => outcome),
      ["passed"],
      id,
    );
});

test("a log may split lines where reads ended, and must have all bytes in order", async () => {
  const text = `${"x".repeat(79)}\n`.repeat(5_000);
  const run = (printed: string) => {
    const lines: object[] = [];
    for (let at = 0; at < printed.length; at += 8_192) {
      const parts = printed.slice(at, at + 8_192).split("\n");
      const rest = parts.pop();
      for (const content of parts) lines.push({ stream: "stdout", tag: "F", content });
      if (rest) lines.push({ stream: "stdout", tag: "P", content: rest });
    }
    const log = async (what: string, matches: (all: object[]) => boolean) => {
      assert.ok(matches(lines), `the log lacks ${what}`);
      return lines;
    };
    const container = { exited: async () => ({ exitCode: 0 }), log };
    return runWith("container.log-has-all-lines", {
      start: async () => container,
      commands: scriptedCommands,
    });
  };
  await run(text);
  await assert.rejects(run(text.slice(80)));
  await assert.rejects(run(text.replace("x\nx", "xx\n")));
  await assert.rejects(run(`${text}x\n`));
});

test("an Attach session may end with an error of the runtime, while the stop is in flight", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  process.on("unhandledRejection", note);
  const run = (printed: string, end?: unknown, stop = async () => pause(50)) => {
    const stdout = new PassThrough();
    stdout.write(printed);
    const ended = pause(10).then(() => {
      if (end === undefined) stdout.end();
      else stdout.destroy(end as Error);
      if (end !== undefined) throw end;
    });
    ended.catch(() => undefined);
    return runWith("streaming.attach-ends-with-the-container", {
      start: async () => ({ id: "c", stop }),
      attach: async () => ({ stdout, stderr: undefined, ended }),
      commands: scriptedCommands,
    });
  };
  const error = (reason: "connection_lost" | "aborted_by_caller") =>
    new CriError({ code: "unavailable", reason, rawMessage: reason });
  await run("tick 1\ntick 2\n");
  await run("ick 1\ntick 2\n", error("connection_lost"));
  await assert.rejects(run("tick 1\n", error("aborted_by_caller")), /did not end by itself/);
  await assert.rejects(run("tick 1\ngarbage\n"));
  await assert.rejects(
    run("tick 1\n", error("connection_lost"), async () => {
      await pause(50);
      throw new Error("the stop failed");
    }),
    /the stop failed/,
  );
  await pause(50);
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
});
