import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { exec } from "../../src/streaming/index.js";
import {
  digestOf,
  drained,
  serve,
  textOf,
  transports,
  ways,
  writeBytes,
} from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

const mebibyte = 2 ** 20;
const everyWay = transports.flatMap((transport) => ways.map((way) => ({ transport, way })));
const all = { stdin: true, stdout: true, stderr: true };
const everything = { containerId: "c", ...all };

for (const { transport, way } of everyWay) {
  test(`${transport}, ${way}: 64 MiB in both directions, with stderr at the same time`, async (t) => {
    const { server, reach } = await serve(
      t,
      {
        async exec({ stdin, stdout, stderr }) {
          assert.ok(stdin && stdout && stderr);
          const errors = writeBytes(stderr, 16 * mebibyte + 5, 10_007);
          for await (const part of stdin) if (!stdout.write(part)) await drained(stdout);
          await errors;
          return 9;
        },
      },
      { way },
    );
    const session = await exec(server.exec(everything).url, { transport, ...all, ...reach });
    assert.ok(session.stdin && session.stdout && session.stderr);
    const [sent, out, err, exit] = await Promise.all([
      writeBytes(session.stdin, 64 * mebibyte).finally(() => session.stdin?.end()),
      digestOf(session.stdout),
      digestOf(session.stderr),
      within(60_000, session.ended),
    ]);
    assert.deepEqual(out, { bytes: 64 * mebibyte, sha256: sent });
    assert.equal(err.bytes, 16 * mebibyte + 5);
    assert.equal(exit.exitCode, 9);
  });

  test(`${transport}, ${way}: a slow reader loses nothing and pauses the writer`, async (t) => {
    let written = 0;
    const { server, reach } = await serve(
      t,
      {
        async exec({ stdout }) {
          assert.ok(stdout);
          const piece = Buffer.alloc(65_536, "x");
          for (; written < 48 * mebibyte; written += piece.byteLength)
            if (!stdout.write(piece)) await drained(stdout);
          return 0;
        },
      },
      { way },
    );
    const session = await exec(server.exec({ containerId: "c", stdout: true }).url, {
      transport,
      stderr: false,
      ...reach,
    });
    assert.ok(session.stdout);
    // A busy machine fills the buffers slowly; without a limit, the writer would end.
    let held = -1;
    for (; held !== written; await pause(500)) held = written;
    assert.ok(held > 0 && held < 32 * mebibyte, `${held} bytes were accepted without a reader`);
    assert.equal((await digestOf(session.stdout)).bytes, 48 * mebibyte);
    assert.equal((await within(5_000, session.ended)).exitCode, 0);
  });

  test(`${transport}, ${way}: a handler that does not read pauses its client and loses nothing`, async (t) => {
    const gate = withResolvers();
    const { server, reach } = await serve(
      t,
      {
        async exec({ stdin }) {
          await gate.promise;
          assert.ok(stdin);
          return (await digestOf(stdin)).bytes === 48 * mebibyte ? 0 : 1;
        },
      },
      { way },
    );
    const session = await exec(server.exec({ containerId: "c", stdin: true, stdout: true }).url, {
      transport,
      stdin: true,
      stderr: false,
      ...reach,
    });
    assert.ok(session.stdin);
    let sent = false;
    const writing = writeBytes(session.stdin, 48 * mebibyte).then(() => {
      sent = true;
      session.stdin?.end();
    });
    await pause(300);
    assert.equal(sent, false, "48 MiB were accepted without a reader");
    gate.resolve();
    await within(30_000, writing);
    assert.equal((await within(30_000, session.ended)).exitCode, 0);
  });

  test(`${transport}, ${way}: stdin ends, and output continues after that`, async (t) => {
    const { server, reach } = await serve(
      t,
      {
        async exec({ stdin, stdout }) {
          const input = await textOf(stdin);
          await pause(50);
          stdout?.write(`${input.length} letters`);
          return 0;
        },
      },
      { way },
    );
    const streams = { stdin: true, stdout: true, stderr: false };
    const session = await exec(server.exec({ containerId: "c", ...streams }).url, {
      transport,
      ...streams,
      ...reach,
    });
    session.stdin?.end("abcdef");
    assert.equal(await textOf(session.stdout), "6 letters");
    await within(5_000, session.ended);
  });

  test(`${transport}, ${way}: a handler that does not read its input can still end`, async (t) => {
    const { server, reach } = await serve(t, { exec: async () => 3 }, { way });
    const session = await exec(server.exec(everything).url, { transport, ...all, ...reach });
    session.stdin?.write(Buffer.alloc(8 * mebibyte));
    session.stdout?.resume();
    session.stderr?.resume();
    assert.equal((await within(10_000, session.ended)).exitCode, 3);
  });

  test(`${transport}, ${way}: output written just before the end arrives`, async (t) => {
    const lines = Array.from({ length: 5_000 }, (_, n) => `line ${n}\n`);
    const { server, reach } = await serve(
      t,
      {
        async exec({ stdout, stderr }) {
          // More than the socket buffers hold, in large and small parts, without waiting for the drain event.
          for (const line of lines) stdout?.write(line);
          stdout?.write(Buffer.alloc(20 * mebibyte, "-"));
          stderr?.write("");
          stdout?.write("the end");
          return 0;
        },
      },
      { way },
    );
    const session = await exec(server.exec({ containerId: "c", stdout: true, stderr: true }).url, {
      transport,
      ...reach,
    });
    session.stderr?.resume();
    const [out] = await Promise.all([textOf(session.stdout, 30_000), within(30_000, session.ended)]);
    assert.ok(out === `${lines.join("")}${"-".repeat(20 * mebibyte)}the end`);
  });
}

function withResolvers() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
