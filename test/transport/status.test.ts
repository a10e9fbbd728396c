import assert from "node:assert/strict";
import { test } from "node:test";
import { criErrorCodes } from "../../src/core/index.js";
import { grpcTimeout, headerPairs } from "../../src/transport/headers.js";
import { notGrpc, readStatus, resetFailure } from "../../src/transport/status.js";

test("every gRPC status has its code; an invalid one is unknown", () => {
  assert.equal(readStatus({}), undefined);
  assert.deepEqual(readStatus({ "grpc-status": "0" }), { error: null });
  for (const [i, code] of criErrorCodes.entries())
    assert.equal(readStatus({ "grpc-status": `${i + 1}` })?.error?.code, code);
  for (const strange of ["17", "x", "", "0, 0", "-1"])
    assert.equal(readStatus({ "grpc-status": strange })?.error?.code, "unknown");
});

test("grpc-message is percent-decoded; an invalid one is shown unchanged", () => {
  const text = (message: string) =>
    readStatus({ "grpc-status": "2", "grpc-message": message })?.error?.rawMessage;
  assert.equal(text("caf%C3%A9 100%25"), "café 100%");
  assert.equal(text("50% done"), "50% done");
  assert.equal(text(""), "gRPC status 2");
});

test("an HTTP status is mapped by gRPC's table", () => {
  const table = { 400: "internal", 401: "unauthenticated", 403: "permission_denied", 404: "unimplemented" };
  const away = {
    429: "unavailable",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
    500: "unknown",
  };
  for (const [status, code] of Object.entries({ ...table, ...away })) {
    const error = notGrpc({ ":status": status });
    assert.equal(error?.code, code);
    assert.equal(error?.reason, "not_grpc");
  }
});

test("content types of gRPC are accepted, others are not", () => {
  const of = (type?: string) =>
    notGrpc({ ":status": "200", ...(type ? { "content-type": type } : {}) })?.reason;
  for (const good of [
    "application/grpc",
    "application/grpc+proto",
    "application/grpc;x=y",
    "Application/gRPC",
  ])
    assert.equal(of(good), undefined);
  for (const bad of [undefined, "text/html", "application/grpc-web", "application/json"])
    assert.equal(of(bad), "not_grpc");
});

test("a reset error names the HTTP/2 code, and the peer's CANCEL is not reported as canceled", () => {
  assert.equal(resetFailure(8).code, "unavailable");
  assert.equal(resetFailure(7).code, "unavailable");
  assert.equal(resetFailure(11).code, "resource_exhausted");
  assert.equal(resetFailure(12).code, "permission_denied");
  assert.equal(resetFailure(2).code, "internal");
  assert.match(resetFailure(2).rawMessage, /INTERNAL_ERROR/);
  assert.match(resetFailure(999).rawMessage, /code 999/);
  assert.equal(resetFailure(0).reason, "malformed_response");
});

test("grpc-timeout has at most eight digits, and is never shorter than the timeout", () => {
  assert.equal(grpcTimeout(1), "1m");
  assert.equal(grpcTimeout(99_999_999), "99999999m");
  assert.equal(grpcTimeout(100_000_001), "100001S");
});

test("headers that HTTP/2 or gRPC does not allow are rejected by name", () => {
  assert.deepEqual([...headerPairs({ "X-One": "1" })], [["x-one", "1"]]);
  assert.deepEqual([...headerPairs([["a", "b"]])], [["a", "b"]]);
  assert.deepEqual([...headerPairs(new Headers({ a: "b" }))], [["a", "b"]]);
  for (const name of [
    "",
    "a b",
    ":path",
    "a\n",
    "é",
    "connection",
    "Host",
    "upgrade",
    "content-length",
    "http2-settings",
  ])
    assert.throws(() => [...headerPairs({ [name]: "x" })], { reason: "invalid_option" }, name);
  for (const value of ["a\nb", "é", "\0"])
    assert.throws(() => [...headerPairs({ a: value })], { reason: "invalid_option" });
});
