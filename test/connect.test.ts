import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import { test } from "node:test";
import tls from "node:tls";
import { connect } from "../src/index.js";
import { selfSigned } from "./support/certificate.js";
import { cleanup } from "./support/cleanup.js";

test("a client parses its certificates once, until it kills a command", async (t) => {
  const { createSecureContext } = tls;
  let parsed = 0;
  tls.createSecureContext = (options) => {
    parsed++;
    return createSecureContext(options);
  };
  syncBuiltinESMExports();
  cleanup(t, () => {
    tls.createSecureContext = createSecureContext;
    syncBuiltinESMExports();
  });
  const { cert, key } = await selfSigned(t);
  const cri = connect.lazy("https://127.0.0.1:1", { tls: { ca: cert, cert, key } });
  assert.equal(parsed, 1);
  await cri.close();
  assert.equal(parsed, 1);
});
