// Failures that a runtime reports on the stream: the reasons are those of the error vocabulary.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { failedInRuntime } from "../../src/streaming/errors.js";
import {
  type CommandExit,
  exec,
  formatJsonStatus,
  SpdyConnection,
  type SpdyStream,
} from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { textOf } from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

const texts: readonly [string, string][] = [
  ["executable file `no-such` not found in $PATH: No such file or directory", "exec_not_started"],
  ["the path `/etc/passwd` exists but it is not executable", "exec_not_started"],
  ["open executable: the path `/etc` is not a regular file: Operation not permitted", "exec_not_started"],
  [
    'command error: time=x level=error msg="exec failed: unable to start"\n, exit code -1',
    "exec_not_started",
  ],
  ["exec /tmp/plain: exec format error", "exec_not_started"],
  ["error executing command in container: container is not created or running", "wrong_state"],
  ["error attaching to container: container is not running", "wrong_state"],
  ["container is in CONTAINER_EXITED state", "wrong_state"],
  ['could not find container "abc": container with ID starting with abc not found', "object_missing"],
  ["could not find sandbox abc", "object_missing"],
  ["failed to copy: unexpected EOF", "runtime_error"],
];

for (const [text, reason] of texts)
  test(`${JSON.stringify(text)} is ${reason}`, () => assert.equal(failedInRuntime(text).reason, reason));

/** Starts a server that runs `script` once all four streams of a command with input are open and input has arrived. */
async function served(
  t: TestContext,
  script: (streams: Record<string, SpdyStream>, connection: SpdyConnection, socket: Socket) => void,
): Promise<string> {
  const server = createServer();
  server.on("upgrade", (_request, socket, head) => {
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n",
    );
    const streams: Record<string, SpdyStream> = {};
    const connection = new SpdyConnection(socket, {
      role: "server",
      head,
      onStream(stream) {
        stream.reply();
        streams[stream.headers.streamtype ?? ""] = stream;
        let isFirst = true;
        stream.setSink({
          onData() {
            if (isFirst) script(streams, connection, socket as Socket);
            isFirst = false;
            return false;
          },
          onEnd: () => undefined,
        });
      },
    });
    cleanup(t, () => connection.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(t, () => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/exec/token`;
}

const write = (stream: SpdyStream | undefined, bytes: Buffer) => stream?.write(bytes, () => undefined);

test("a connection that is lost after the exit status, with unread input, does not fail the command", async (t) => {
  const url = await served(t, ({ stdout, error }, _connection, socket) => {
    write(stdout, Buffer.from("first"));
    write(error, formatJsonStatus({ kind: "exited", exitCode: 3 }));
    error?.reset();
    setTimeout(() => socket.resetAndDestroy(), 100);
  });
  const session = await exec(url, { transport: "spdy", stdin: true, stderr: false });
  session.stdin?.write(Buffer.alloc(100_000));
  const output = textOf(session.stdout);
  const exit: CommandExit = await within(5_000, session.ended);
  assert.equal(exit.exitCode, 3);
  assert.equal(await output, "first");
});

test("the runtime's broken pipe is an unknown exit code, not a failure", async (t) => {
  const message = "error executing command in container: write |1: broken pipe";
  const url = await served(t, ({ error, stdout }) => {
    write(error, formatJsonStatus({ kind: "failed", message }));
    error?.reset();
    stdout?.end();
  });
  const session = await exec(url, { transport: "spdy", stdin: true, stderr: false });
  session.stdin?.write(Buffer.alloc(100_000));
  session.stdout?.resume();
  const error = await within(5_000, failure(session.ended, "exit_unknown"));
  assert.match(error.rawMessage, /left input unread.*broken pipe/);
});
