// The outcomes of calls as one table, which is run over a socket, in memory, and through a proxy.
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { criErrorCodes, type RpcTransport } from "../../../src/index.js";
import {
  ExecSyncRequestSchema,
  ImageService,
  RuntimeService,
  VersionRequestSchema,
} from "../../../src/v1.js";
import { type CallParameters, collect, connectFailure, events, one, version } from "../../support/calls.js";
import { until, within } from "../../support/waiting.js";
import type { Scripted } from "./scripted.js";

const { method } = RuntimeService;

export interface OutcomeCase {
  readonly name: string;
  run(transport: RpcTransport, scripted: Scripted): Promise<void>;
}

function exec(transport: RpcTransport, cmd: string[], { signal, timeoutMs, headers }: CallParameters = {}) {
  return transport.unary(method.execSync, signal, timeoutMs, headers, { cmd });
}

async function list(transport: RpcTransport, id: string, { signal, timeoutMs }: CallParameters = {}) {
  const request = one({ filter: { id } });
  const { message } = await transport.stream(method.streamContainers, signal, timeoutMs, undefined, request);
  return message;
}

export const outcomes: readonly OutcomeCase[] = [
  {
    name: "a response to the request as it was sent",
    async run(transport) {
      const { message } = await transport.unary(method.version, undefined, undefined, undefined, {
        version: "asked",
      });
      assert.equal(`${message.runtimeName} ${message.version}`, "scripted asked");
    },
  },
  {
    name: "a response that a handler returns as bytes",
    async run(transport) {
      const { message } = await transport.unary(method.runtimeConfig, undefined, undefined, undefined, {});
      assert.equal(message.linux?.cgroupDriver, 1);
    },
  },
  {
    name: "every error code, with its text",
    async run(transport) {
      for (const code of criErrorCodes) {
        const error = await connectFailure(exec(transport, ["fail", code]));
        assert.deepEqual([error.code, error.rawMessage], [code, `why: ${code} ü 100%\n`]);
      }
    },
  },
  {
    name: "any other error is unknown, with its message",
    async run(transport) {
      const error = await connectFailure(exec(transport, ["throw", "just so \u0000\u{1f600}"]));
      assert.deepEqual([error.code, error.rawMessage], ["unknown", "just so \u0000\u{1f600}"]);
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
        const error = await connectFailure(call());
        assert.deepEqual([error.code, error.rawMessage], ["unimplemented", text]);
      }
    },
  },
  {
    name: "a handler that returns an invalid response",
    async run(transport) {
      const call = transport.unary(method.podSandboxStatus, undefined, undefined, undefined, {});
      const error = await connectFailure(call);
      assert.equal(error.code, "internal");
      assert.match(
        error.rawMessage,
        /PodSandboxStatus did not return a valid runtime.v1.PodSandboxStatusResponse/,
      );
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
    name: "a deadline: in the handler's context, and as the signal's reason when it expires",
    async run(transport, scripted) {
      const before = Date.now();
      const error = await connectFailure(exec(transport, ["wait"], { timeoutMs: 200 }));
      assert.equal(error.code, "deadline_exceeded");
      // On a socket, the client enforces its deadline itself, and its reset may arrive first.
      await until(() => scripted.ends.length === 1, "the handler's signal fired");
      assert.match(scripted.ends[0] ?? "", /^(?:deadline|aborted_by_caller)$/);
      const deadline = scripted.contexts.at(-1)?.deadline?.getTime() ?? 0;
      assert.ok(deadline >= before + 150 && deadline < before + 3_000, String(deadline - before));
    },
  },
  {
    name: "a client that cancels",
    async run(transport, scripted) {
      const stop = new AbortController();
      const call = connectFailure(exec(transport, ["wait"], { signal: stop.signal }));
      await until(() => scripted.contexts.length === 1, "the handler was called");
      stop.abort();
      assert.equal((await call).code, "canceled");
      await until(() => scripted.ends.length === 1, "the handler's signal fired");
      assert.equal(scripted.contexts[0]?.signal.aborted, true);
    },
  },
  {
    name: "a call that was cancelled before it began",
    async run(transport, { contexts }) {
      assert.equal(
        (await connectFailure(version(transport, { signal: AbortSignal.abort() }))).code,
        "canceled",
      );
      assert.equal(contexts.length, 0);
    },
  },
  {
    name: "streams: empty, complete, failing in the middle, and failing before the first message",
    async run(transport) {
      assert.deepEqual(await collect(await list(transport, "nothing")), []);
      const ids = (await collect(await list(transport, ""))).map(({ containers }) => containers[0]?.id);
      assert.deepEqual(ids, ["a", "b"]);
      const seen: unknown[] = [];
      const broken = (async () => {
        for await (const message of await list(transport, "fail")) seen.push(message);
      })();
      const error = await connectFailure(broken);
      assert.deepEqual([error.code, error.rawMessage, seen.length], ["aborted", "in the middle", 2]);
      const refused = transport.stream(method.streamPodSandboxes, undefined, undefined, undefined, one({}));
      const atOnce = await connectFailure(refused.then(({ message }) => collect(message)));
      assert.deepEqual([atOnce.code, atOnce.rawMessage], ["not_found", "at once"]);
    },
  },
  {
    name: "a stream that is returned early, one that is aborted, one whose deadline expires",
    async run(transport, scripted) {
      for await (const _ of await list(transport, "wait")) break;
      await until(() => scripted.ends.length === 1, "the early return fires the signal");
      const stop = new AbortController();
      const aborted = await list(transport, "wait", { signal: stop.signal });
      setTimeout(() => stop.abort(), 50);
      assert.equal((await connectFailure(collect(aborted))).code, "canceled");
      await until(() => scripted.ends.length === 2, "the abort fires the signal");
      const late = await list(transport, "wait", { timeoutMs: 100 });
      assert.equal((await connectFailure(collect(late))).code, "deadline_exceeded");
      await until(() => scripted.ends.length === 3, "the deadline fires the signal");
    },
  },
  {
    name: "an event stream: its handler runs before it is read, and its iterator is returned although it ignores the signal",
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
      await until(() => scripted.subscribers === 0, "the handler's iterator was returned");
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
      await until(() => scripted.subscribers === 0, "the handler's iterator was returned");
    },
  },
  {
    name: "a connection that is cut",
    async run(transport, scripted) {
      assert.equal((await connectFailure(exec(transport, ["cut"]))).code, "unavailable");
      await until(() => scripted.ends.length === 1, "the handler's signal fired");
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
      const response = await transport.unary(method.version, undefined, undefined, undefined, request);
      assert.equal(response.message.version, "x");
      assert.equal(contexts.length, 1);
    },
  },
  {
    name: "16 MiB in both directions, minus the overhead of gRPC and protobuf",
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
      const received = streams.map((stream) => stream.next());
      await until(() => scripted.subscribers === 5, "all have subscribed");
      scripted.emit("e");
      for (const { value } of await within(5_000, Promise.all(received)))
        assert.equal(value?.containerId, "e");
      await Promise.all(streams.map((stream) => stream.return()));
      await until(() => scripted.subscribers === 0, "all have unsubscribed");
    },
  },
];
