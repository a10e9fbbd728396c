import assert from "node:assert/strict";
import { tracingChannel } from "node:diagnostics_channel";
import { test } from "node:test";
import { inspect } from "node:util";
import * as api from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { CriError } from "../../src/index.js";
import { logRequests, openTelemetry, type RpcDiagnostics } from "../../src/observe.js";
import type { RpcInterceptor } from "../../src/transport/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { onSocket, through } from "./support.js";

const password = 'p<&ss"w0rd/é';
const base64 = (text: string) => Buffer.from(text).toString("base64");
/** Texts of which none may be visible. */
const forms = {
  json: JSON.stringify(password).slice(1, -1),
  goJson: 'p\\u003c\\u0026ss\\"w0rd/é',
  html: "p&lt;&amp;ss&#34;w0rd/é",
  url: encodeURIComponent(password),
  hex: Buffer.from(password).toString("hex"),
  base64: base64(`me:${password}`),
  inner: base64(`xy${password}, and more`),
};

/** Returns all that a log could show of a value. */
function shown(value: unknown): string {
  const text = `${inspect(value, { depth: 12, showHidden: true, getters: true, breakLength: Infinity })} ${value}`;
  return value instanceof Error ? `${text} ${value.stack} ${value.message} ${shown(value.cause)}` : text;
}

function assertHidden(value: unknown, what: string): void {
  const text = shown(value);
  for (const [name, form] of Object.entries(forms)) {
    // `inspect` prints a backslash in a string twice.
    assert.ok(!text.includes(form) && !text.includes(form.replaceAll("\\", "\\\\")), `${what}: ${name}`);
    assert.ok(!text.includes("w0rd"), `${what}: ${name}`);
  }
}

/** How a failed call may carry the password: in its text, its hint, its problems, or only in its cause. */
const carriers: { readonly [name: string]: (text: string) => unknown } = {
  text: (text) => new CriError({ code: "unknown", reason: "runtime_error", rawMessage: `bad: ${text}.` }),
  hint: (text) =>
    new CriError({
      code: "unknown",
      reason: "runtime_error",
      rawMessage: "bad",
      hint: `Do not use ${text}`,
    }),
  problems: (text) =>
    new CriError({
      code: "invalid_argument",
      reason: "invalid_request",
      rawMessage: "bad",
      problems: [{ path: "auth.password", message: `is ${text}`, value: text }],
    }),
  cause: (text) =>
    new CriError({
      code: "unknown",
      reason: "runtime_error",
      rawMessage: "bad",
      cause: new Error("inner", { cause: { details: [{ text }] } }),
    }),
  "another error": (text) => new Error(`bad: ${text}.`, { cause: new Error(text) }),
};

test("a password that a failed call repeats is visible nowhere, in whatever form", async (t) => {
  const channel = tracingChannel<unknown, RpcDiagnostics>("cri-sdk:rpc");
  const traced: RpcDiagnostics[] = [];
  const subscriber = (message: unknown) => void traced.push(message as RpcDiagnostics);
  channel.error.subscribe(subscriber);
  cleanup(t, () => channel.error.unsubscribe(subscriber));
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  cleanup(t, () => tracerProvider.shutdown());
  const records: unknown[] = [];
  let thrown: unknown;
  const fails: RpcInterceptor = () => async () => {
    throw thrown;
  };
  const cri = through(
    t,
    { image: {} },
    logRequests((record) => records.push(record)),
    openTelemetry({ api, tracerProvider, payloads: true }),
    fails,
  );
  for (const auth of [{ username: "me", password }, { auth: base64(`me:${password}`) }])
    for (const [name, carrier] of Object.entries(carriers))
      for (const [form, text] of Object.entries(forms)) {
        thrown = carrier(text);
        const what = `${name}, ${form}, ${Object.keys(auth)}`;
        const error = await failure(cri.image.pullImage({ image: { image: "busybox" }, auth }));
        assertHidden(error, what);
        assert.match(error.rawMessage, /^bad/, what);
        assertHidden(records.splice(0), `log, ${what}`);
        assertHidden(traced.splice(0), `diagnostics, ${what}`);
        assertHidden(exporter.getFinishedSpans(), `span, ${what}`);
        exporter.reset();
      }
});

test("an error without secrets keeps its cause, its hint and its problems", async (t) => {
  const cause = new Error("inner", { cause: { details: ["nothing"] } });
  const original = new CriError({
    code: "unknown",
    reason: "runtime_error",
    rawMessage: "bad",
    hint: "Try again",
    problems: [{ path: "auth", message: "is odd", value: 1 }],
    cause,
  });
  const cri = through(t, { image: {} }, () => async () => {
    throw original;
  });
  const error = await failure(
    cri.image.pullImage({ image: { image: "busybox" }, auth: { username: "me", password } }),
  );
  assert.equal(error.cause, cause);
  assert.deepEqual([error.hint, error.problems], [original.hint, original.problems]);
});

test("the caller's own reason stays the cause of an aborted call", async (t) => {
  const { cri } = await onSocket(t);
  const stop = new AbortController();
  const reason = { request: { password } };
  stop.abort(reason);
  const request = { image: { image: "busybox" }, auth: { username: "me", password } };
  const error = await failure(cri.image.pullImage(request, { signal: stop.signal }));
  assert.deepEqual([error.reason, error.cause], ["aborted_by_caller", reason]);
});
