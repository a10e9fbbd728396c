// What calls come to, whatever carries them: one table, run over a socket, in memory, and through a proxy.
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { criErrorCodes, type RpcTransport } from "../../../src/index.js";
import {
  ExecSyncRequestSchema,
  ImageService,
  RuntimeService,
  VersionRequestSchema,
} from "../../../src/v1.js";
import { collect, events, failure, type HowToCall, one, version } from "../../support/calls.js";
import { until, within } from "../../support/waiting.js";
import type { Scripted } from "./scripted.js";

const { method } = RuntimeService;

export interface OutcomeCase {
  readonly name: string;
  run(transport: RpcTransport, scripted: Scripted): Promise<void>;
}

function exec(transport: RpcTransport, cmd: string[], { signal, timeoutMs, headers }: HowToCall = {}) {
  return transport.unary(method.execSync, signal, timeoutMs, headers, { cmd });
}

async function list(transport: RpcTransport, id: string, { signal, timeoutMs }: HowToCall = {}) {
  const request = one({ filter: { id } });
  const { message } = await transport.stream(method.streamContainers, signal, timeoutMs, undefined, request);
  return message;
}

export const outcomes: readonly OutcomeCase[] = [
  {
    name: "an answer, and the request as it was asked",
    async run(transport) {
      const { message } = await transport.unary(method.version, undefined, undefined, undefined, {
        version: "asked",
      });
      assert.equal(`${message.runtimeName} ${message.version}`, "scripted asked");
    },
  },
  {
    name: "an answer that a handler gave as bytes",
    async run(transport) {
      const { message } = await transport.unary(method.runtimeConfig, undefined, undefined, undefined, {});
      assert.equal(message.linux?.cgroupDriver, 1);
    },
  },
  {
    name: "every error code, with its text",
    async run(transport) {
      for (const code of criErrorCodes) {
        const error = await failure(exec(transport, ["fail", code]));
        assert.deepEqual([error.code, error.text], [code, `why: ${code} ü 100%\n`]);
      }
    },
  },
  {
    name: "any other error is unknown, with its message",
    async run(transport) {
      const error = await failure(exec(transport, ["throw", "just so \u0000\u{1f600}"]));
      assert.deepEqual([error.code, error.text], ["unknown", "just so \u0000\u{1f600}"]);
    },
  },
  {
    name: "an RPC without a handler, a stream without one, a service that is not served",
    async run(transport) {
      const calls: readonly [() => Promise<unknown>, string][] = [
        [
          () => transport.unary(method.status, undefined, undefined, undefined, {}),
          "method Status not implemented",
        ],
        [
          () =>
            transport
              .stream(method.streamContainerStats, undefined, undefined, undefined, one({}))
              .then(({ message }) => collect(message)),
          "method StreamContainerStats not implemented",
        ],
        [
          () => transport.unary(ImageService.method.listImages, undefined, undefined, undefined, {}),
          "unknown service runtime.v1.ImageService",
        ],
      ];
      for (const [call, text] of calls) {
        const error = await failure(call());
        assert.deepEqual([error.code, error.text], ["unimplemented", text]);
      }
    },
  },
  {
    name: "a handler that gives what is no answer",
    async run(transport) {
      const call = transport.unary(method.podSandboxStatus, undefined, undefined, undefined, {});
      const error = await failure(call);
      assert.equal(error.code, "internal");
      assert.match(error.text, /PodSandboxStatus gave no runtime.v1.PodSandboxStatusResponse/);
    },
  },
  {
    name: "metadata, the method's name, a peer, and no deadline where none was set",
    async run(transport, { contexts }) {
      await version(transport, { headers: { "x-trace": "abc", "X-Upper": "d, e" } });
      const context = contexts.at(-1);
      assert.equal(context?.headers["x-trace"], "abc");
      assert.equal(context.headers["x-upper"], "d, e");
      assert.equal(context.method, "Version");
      assert.match(context.peer, /^(?:unix|memory|abstract|127\.0\.0\.1):\d+$/);
      assert.equal(context.deadline, undefined);
      assert.equal(context.signal.aborted, false);
    },
  },
  {
    name: "a deadline: told to the handler beforehand, and when it passes",
    async run(transport, scripted) {
      const before = Date.now();
      const error = await failure(exec(transport, ["wait"], { timeoutMs: 200 }));
      assert.equal(error.code, "deadline_exceeded");
      // On a socket, the client that keeps its deadline itself may be heard first.
      await until(() => scripted.ends.length === 1, "the handler was told");
      assert.match(scripted.ends[0] ?? "", /^(?:deadline|aborted_by_caller)$/);
      const deadline = scripted.contexts.at(-1)?.deadline?.getTime() ?? 0;
      assert.ok(deadline >= before + 150 && deadline < before + 3_000, String(deadline - before));
    },
  },
  {
    name: "a client that cancels",
    async run(transport, scripted) {
      const stop = new AbortController();
      const call = failure(exec(transport, ["wait"], { signal: stop.signal }));
      await until(() => scripted.contexts.length === 1, "the handler was asked");
      stop.abort();
      assert.equal((await call).code, "canceled");
      await until(() => scripted.ends.length === 1, "the handler was told");
      assert.equal(scripted.contexts[0]?.signal.aborted, true);
    },
  },
  {
    name: "a call that was cancelled before it began",
    async run(transport, { contexts }) {
      assert.equal((await failure(version(transport, { signal: AbortSignal.abort() }))).code, "canceled");
      assert.equal(contexts.length, 0);
    },
  },
  {
    name: "streams: of nothing, to the end, failing in the middle and at once",
    async run(transport) {
      assert.deepEqual(await collect(await list(transport, "nothing")), []);
      const ids = (await collect(await list(transport, ""))).map(({ containers }) => containers[0]?.id);
      assert.deepEqual(ids, ["a", "b"]);
      const seen: unknown[] = [];
      const broken = (async () => {
        for await (const message of await list(transport, "fail")) seen.push(message);
      })();
      const error = await failure(broken);
      assert.deepEqual([error.code, error.text, seen.length], ["aborted", "in the middle", 2]);
      const refused = transport.stream(method.streamPodSandboxes, undefined, undefined, undefined, one({}));
      const atOnce = await failure(refused.then(({ message }) => collect(message)));
      assert.deepEqual([atOnce.code, atOnce.text], ["not_found", "at once"]);
    },
  },
  {
    name: "a stream that is left, one that is aborted, one whose deadline passes",
    async run(transport, scripted) {
      for await (const _ of await list(transport, "wait")) break;
      await until(() => scripted.ends.length === 1, "leaving is heard");
      const stop = new AbortController();
      const aborted = await list(transport, "wait", { signal: stop.signal });
      setTimeout(() => stop.abort(), 50);
      assert.equal((await failure(collect(aborted))).code, "canceled");
      await until(() => scripted.ends.length === 2, "an abort is heard");
      const late = await list(transport, "wait", { timeoutMs: 100 });
      assert.equal((await failure(collect(late))).code, "deadline_exceeded");
      await until(() => scripted.ends.length === 3, "a deadline is heard");
    },
  },
  {
    name: "an event stream: its handler runs before it is read, and is left though it hears no signal",
    async run(transport, scripted) {
      const { message } = await transport.stream(
        method.getContainerEvents,
        undefined,
        undefined,
        undefined,
        one({}),
      );
      await until(() => scripted.subscribers === 1, "the handler has begun");
      scripted.emit("early");
      const stream = message[Symbol.asyncIterator]();
      assert.equal((await within(5_000, stream.next())).value?.containerId, "early");
      await stream.return?.();
      await until(() => scripted.subscribers === 0, "the handler was left");
    },
  },
  {
    name: "an unread stream whose signal fires",
    async run(transport, scripted) {
      const stop = new AbortController();
      const { signal } = stop;
      await transport.stream(method.getContainerEvents, signal, undefined, undefined, one({}));
      await until(() => scripted.subscribers === 1, "the handler has begun");
      stop.abort();
      await until(() => scripted.subscribers === 0, "the handler was left");
    },
  },
  {
    name: "a connection that is cut",
    async run(transport, scripted) {
      assert.equal((await failure(exec(transport, ["cut"]))).code, "unavailable");
      await until(() => scripted.ends.length === 1, "the handler was told");
      assert.equal((await version(transport)).message.runtimeName, "scripted");
    },
  },
  {
    name: "fields that this schema does not know reach the handler, in a request",
    async run(transport, { contexts }) {
      const unknown = { no: 999, wireType: 2, data: Buffer.from([3, 1, 2, 3]) };
      const request = create(VersionRequestSchema, { version: "x" });
      request.$unknown = [unknown];
      assert.ok(toBinary(VersionRequestSchema, request).byteLength > 5);
      const answer = await transport.unary(method.version, undefined, undefined, undefined, request);
      assert.equal(answer.message.version, "x");
      assert.equal(contexts.length, 1);
    },
  },
  {
    name: "16 MiB both ways, less what gRPC and protobuf need",
    async run(transport) {
      const size = 16 * 2 ** 20 - 8;
      const { message } = await exec(transport, ["echo", String(size)]);
      assert.equal(message.stdout.byteLength, size);
      const request = create(ExecSyncRequestSchema, { cmd: ["echo", "3", "x".repeat(size - 16)] });
      assert.equal(
        (await transport.unary(method.execSync, undefined, undefined, undefined, request)).message.stdout
          .byteLength,
        3,
      );
    },
  },
  {
    name: "events to several subscribers at a time",
    async run(transport, scripted) {
      const streams = Array.from({ length: 5 }, () => events(transport)[Symbol.asyncIterator]());
      const heard = streams.map((stream) => stream.next());
      await until(() => scripted.subscribers === 5, "all are there");
      scripted.emit("e");
      for (const { value } of await within(5_000, Promise.all(heard))) assert.equal(value?.containerId, "e");
      await Promise.all(streams.map((stream) => stream.return()));
      await until(() => scripted.subscribers === 0, "all are gone");
    },
  },
];
