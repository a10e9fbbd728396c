import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ImpatientOutput } from "../../examples/dockershim/sessions/impatient-output.js";
import { criError, type ExecContext } from "../../src/server/index.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { until, within } from "../support/waiting.js";
import { containerId, frame, type SessionsEngine, serveSessions } from "./sessions-engine.js";

const MiB = 2 ** 20;
const never = () => new AbortController().signal;
const gone = () => criError("connection_lost", "the client disconnected");

async function serve(t: TestContext, settings?: Partial<SessionsEngine>) {
  checkLeaks(t);
  return serveSessions(t, settings);
}

/** The streams of a client. */
function client(options: Partial<ExecContext> & { readonly command?: readonly string[] } = {}) {
  const stop = new AbortController();
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const context = {
    ...{ containerId, command: [], stdin, stdout, stderr, tty: false, resize: sizes(), signal: stop.signal },
    ...options,
  };
  // As the server does it: the signal fires first.
  const leave = (reason: Error) => {
    stop.abort(reason);
    stdin.end();
    stdout.destroy();
    stderr.destroy();
  };
  return { context, stdin, stdout, stderr, leave };
}

async function* sizes(...all: readonly (readonly [columns: number, rows: number])[]) {
  for (const [columns, rows] of all) yield { columns, rows };
}

/** Prints the process ids of a shell and its two children, one of which has a child of its own, and waits. */
const family = "sleep 3001 & echo $! $$; sh -c 'sleep 3002 & echo $!; wait' & echo $!; wait";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits for the four processes of {@link family}. */
async function familyOf(output: PassThrough): Promise<number[]> {
  let printed = "";
  output.on("data", (chunk) => {
    printed += chunk;
  });
  await until(() => printed.split("\n").length === 4, "the command prints its process ids");
  return printed.trim().split(/\s/).map(Number);
}

test("ExecSync returns both outputs and the exit code", async (t) => {
  const { sessions } = await serve(t);
  const command = ["sh", "-c", "cat; echo out; echo err >&2; exit 3"];
  const { stdout, stderr, exitCode } = await sessions.execSync(containerId, command, 0, never());
  assert.deepEqual([String(stdout), String(stderr), exitCode], ["out\n", "err\n", 3]);
});

test("ExecSync returns sixteen mebibytes of output, and fails with more", async (t) => {
  const { sessions } = await serve(t);
  const fill = (bytes: number) => ["head", "-c", String(bytes), "/dev/zero"];
  const { stdout } = await sessions.execSync(containerId, fill(16 * MiB), 0, never());
  assert.equal(stdout.byteLength, 16 * MiB);
  const error = await failure(
    sessions.execSync(containerId, fill(16 * MiB + 1), 0, never()),
    "output_too_large",
  );
  assert.match(error.rawMessage, /trying to send message larger than max/);
});

test("a command that cannot be started is an error with the engine's reason, and no output", async (t) => {
  const startFailure = 'OCI runtime exec failed: exec: "none": executable file not found';
  const { sessions } = await serve(t, { startFailure });
  const error = await failure(sessions.execSync(containerId, ["none"], 0, never()), "exec_not_started");
  assert.ok(error.rawMessage.endsWith(startFailure), error.rawMessage);
  for (const tty of [false, true]) {
    const { context, stdout } = client({ command: ["none"], tty });
    await failure(sessions.exec(context), "exec_not_started");
    assert.equal(stdout.readableLength, 0);
  }
});

test("ExecSync kills the command and its descendants at its timeout, even if the engine knows the process late", async (t) => {
  const { fake, sessions } = await serve(t, { unstartedReports: 3 });
  const output = new PassThrough();
  const running = sessions.execSync(containerId, ["sh", "-c", family], 1, never());
  await until(() => fake.execs[0]?.child !== undefined, "the command starts");
  fake.execs[0]?.child?.stdout?.on("data", (chunk) => output.write(chunk));
  const pids = await familyOf(output);
  const error = await failure(running, "exec_timeout");
  assert.equal(error.code, "deadline_exceeded");
  assert.match(error.rawMessage, /timed out: timeout 1s exceeded$/);
  await until(() => !pids.some(isAlive), "all processes are gone");
});

test("ExecSync kills the command when the caller cancels, also before the start", async (t) => {
  const { fake, sessions } = await serve(t);
  const stop = new AbortController();
  const running = sessions.execSync(containerId, ["sleep", "3003"], 0, stop.signal);
  await until(() => fake.execs[0]?.child !== undefined, "the command starts");
  stop.abort(gone());
  await failure(running, "connection_lost");
  await until(() => fake.execs[0]?.child?.signalCode === "SIGKILL", "the command is killed");

  const early = new AbortController();
  const starting = sessions.execSync(containerId, ["sleep", "3004"], 0, early.signal);
  await until(() => fake.requests.includes("POST /exec/1/start"), "the start is on its way");
  early.abort(gone());
  await failure(starting, "connection_lost");
  await until(() => fake.execs[1]?.child?.signalCode === "SIGKILL", "the command is killed");
});

test("Exec passes input, its end, and separate outputs", async (t) => {
  const { sessions } = await serve(t);
  const { context, stdin, stdout, stderr } = client({ command: ["sh", "-c", "cat; echo err >&2; exit 255"] });
  const ended = sessions.exec(context);
  stdin.write("one\n");
  await once(stdout, "readable");
  assert.equal(String(stdout.read()), "one\n");
  stdin.end("two\n");
  assert.equal(await ended, 255);
  assert.equal(String(stdout.read()), "two\n");
  assert.equal(String(stderr.read()), "err\n");
});

test("Exec waits for a slow reader and loses nothing", async (t) => {
  const { sessions } = await serve(t);
  let bytes = 0;
  const stdout = new Writable({
    highWaterMark: MiB / 4,
    write(chunk, _encoding, done) {
      bytes += chunk.length;
      setTimeout(done, 1);
    },
  });
  const { context } = client({ command: ["head", "-c", String(8 * MiB), "/dev/zero"], stdout });
  assert.equal(await sessions.exec(context), 0);
  await new Promise<void>((resolve) => stdout.end(resolve));
  assert.equal(bytes, 8 * MiB);
});

test("Exec kills the command if the client disconnects, and not if it detaches", async (t) => {
  const { fake, sessions } = await serve(t);
  const lost = client({ command: ["sh", "-c", family] });
  const ended = sessions.exec(lost.context);
  const pids = await familyOf(lost.stdout);
  lost.leave(gone());
  await failure(ended, "connection_lost");
  await until(() => !pids.some(isAlive), "all processes are gone");

  const detached = client({ command: ["sh", "-c", "echo started; exec sleep 3005"] });
  const left = sessions.exec(detached.context);
  await once(detached.stdout, "data");
  detached.leave(criError("client_closed", "the client detached"));
  await failure(left, "client_closed");
  await until(() => fake.execs[1]?.hasInputEnded === true, "the connection is closed");
  await pause(50);
  assert.equal(fake.execs[1]?.child?.signalCode, null);
});

for (const apiVersion of ["1.41", "1.45"])
  test(`API ${apiVersion}: a terminal has sizes, one output, unusual detach keys, and an input that does not end`, async (t) => {
    const { fake, sessions } = await serve(t, { apiVersion });
    const command = ["sh", "-c", "read line; echo got $line; echo err >&2; sleep 0.2; exit 4"];
    const { context, stdin, stdout, stderr } = client({
      command,
      tty: true,
      resize: sizes([90, 30]),
    });
    stdin.end("typed\n");
    const ended = sessions.exec(context);
    const [exec] = await until(() => stdout.readableLength > 12, "the output").then(() => fake.execs);
    assert.equal(exec?.hasInputEnded, false);
    assert.equal(await ended, 4);
    stdout.end();
    assert.deepEqual((await text(stdout)).split("\n").sort(), ["", "err", "got typed"]);
    assert.equal(stderr.readableLength, 0);
    assert.match(JSON.stringify(exec?.create), /"DetachKeys":"ctrl-@,/);
    const first = apiVersion === "1.45" ? { Tty: true, ConsoleSize: [30, 90] } : { Tty: true };
    assert.deepEqual(exec?.start, first);
    const resizes = fake.requests.filter((request) => request.includes("resize"));
    assert.deepEqual(resizes, apiVersion === "1.45" ? [] : ["POST /exec/0/resize?h=30&w=90"]);
  });

test("a session fails if the engine ends", async (t) => {
  const { fake, sessions, stop } = await serve(t);
  const { context, stdout } = client({ command: ["sh", "-c", "echo started; exec sleep 3006"] });
  const running = [
    sessions.exec(context),
    sessions.execSync(containerId, ["sleep", "3007"], 0, never()),
    sessions.attach(client().context),
  ];
  for (const one of running) one.catch(() => undefined);
  await once(stdout, "data");
  await until(() => fake.attached.length === 1 && fake.waits.length === 1, "the client is attached");
  await stop();
  for (const one of running) await within(5_000, assert.rejects(one, /does not answer/));
});

test("attach copies both ways, ends with the container, and fails if it does not run", async (t) => {
  const { fake, sessions } = await serve(t);
  const { context, stdin, stdout, stderr } = client();
  const ended = sessions.attach(context);
  await until(() => fake.attached.length === 1, "the client is attached");
  const attached = fake.attached[0] ?? assert.fail();
  stdin.end("in");
  await until(() => attached.hasInputEnded, "the input and its end");
  assert.equal(attached.input, "in");
  attached.socket.end(Buffer.concat([frame(1, "out"), frame(2, "err")]));
  for (const exit of fake.waits) exit();
  await ended;
  assert.deepEqual([String(stdout.read()), String(stderr.read())], ["out", "err"]);
  fake.container.State.Running = false;
  await failure(sessions.attach(client().context), "wrong_state");
});

test("a slow client of attach loses nothing when the container ends", async (t) => {
  const { fake, sessions } = await serve(t);
  let bytes = 0;
  const stdout = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      bytes += chunk.length;
      setTimeout(done, 20);
    },
  });
  const ended = sessions.attach(client({ stdout }).context);
  await until(() => fake.attached.length === 1, "the client is attached");
  for (let index = 0; index < 50; index++) fake.attached[0]?.socket.write(frame(1, "x".repeat(100)));
  fake.attached[0]?.socket.end();
  for (const exit of fake.waits) exit();
  await ended;
  // The server ends the output when the handler has ended.
  await new Promise<void>((resolve) => stdout.end(resolve));
  assert.equal(bytes, 5_000);
});

test("attach to a terminal: its sizes, and an input that does not end", async (t) => {
  const { fake, sessions } = await serve(t);
  fake.container.Config.Tty = true;
  const { context, stdin, stdout } = client({ tty: true, resize: sizes([80, 25]) });
  const ended = sessions.attach(context);
  await until(() => fake.attached.length === 1, "the client is attached");
  const attached = fake.attached[0] ?? assert.fail();
  stdin.end("typed");
  await until(() => attached.input === "typed", "the input");
  attached.socket.write("raw");
  await once(stdout, "readable");
  assert.equal(String(stdout.read()), "raw");
  assert.equal(attached.hasInputEnded, false);
  await until(() => fake.requests.includes("POST /containers/:/resize?h=25&w=80"), "the size");
  assert.ok(fake.requests.some((request) => /attach\?.*detachKeys=ctrl-%40/.test(request)));
  attached.socket.end();
  await ended;
});

test("attach to a container that has exited meanwhile ends, although the engine does not end it", async (t) => {
  const { fake, sessions } = await serve(t);
  const ended = sessions.attach(client().context);
  await until(() => fake.waits.length === 1, "the client is attached");
  for (const exit of fake.waits) exit();
  await within(20_000, ended);
});

test("a client that leaves ends its attach session only", async (t) => {
  const { fake, sessions } = await serve(t);
  const { context, leave } = client();
  const ended = sessions.attach(context);
  await until(() => fake.attached.length === 1, "the client is attached");
  leave(gone());
  await failure(ended, "connection_lost");
  await until(() => fake.attached[0]?.hasInputEnded === true, "the connection is closed");
});

test("a client that stops reading is disconnected; a slow one is waited for", async () => {
  let read: () => void = () => undefined;
  const reader = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => {
      read = done;
    },
  });
  const output = new ImpatientOutput(reader, 200);
  for (let chunk = 0; chunk < 4; chunk++) {
    output.write("slowly");
    await pause(50);
    read();
    await pause(1);
  }
  assert.equal(reader.destroyed, false);
  output.write("never read");
  const error = await failure(output.failed, "runtime_error");
  assert.match(error.rawMessage, /has not read its output for 200 ms/);
  assert.ok(reader.destroyed);
});
