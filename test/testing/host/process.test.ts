import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isCriError } from "../../../src/core/index.js";
import { failedInRuntime } from "../../../src/streaming/errors.js";
import {
  command,
  createContainer,
  createIdleContainer,
  openDriver,
  outcomeOf,
  run,
  sh,
} from "../../support/host-driver.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

test("stdout, stderr and exit codes; a signal adds 128", async (t) => {
  checkLeaks(t);
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const both = await run(driver, container, sh("echo out; echo err >&2; exit 7"));
  assert.deepEqual(both, { stdout: "out\n", stderr: "err\n", exitCode: 7 });
  assert.equal((await run(driver, container, sh("kill -USR1 $$"))).exitCode, 138);
  const slow = await driver.start(container, sh("exec sleep 600"));
  slow.kill("SIGTERM");
  assert.deepEqual(await outcomeOf(slow), { stdout: "", stderr: "", exitCode: 143 });
  slow.kill("SIGTERM");
});

test("a process can open its own streams by name, also as another user", async (t) => {
  const { driver } = await openDriver(t);
  const script = "echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin";
  const users = process.geteuid?.() === 0 ? [undefined, "65534:65534"] : [undefined];
  for (const user of users) {
    const { container } = await createIdleContainer(driver, { user });
    const started = await driver.start(container, sh(script, { stdin: true }));
    started.stdin?.end("in");
    assert.deepEqual(await outcomeOf(started), { stdout: "out\nin", stderr: "err\n", exitCode: 0 });
  }
});

test("without stdin, the input has ended; with stdin, ending the stream ends it", async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const none = await driver.start(container, command(["cat"]));
  assert.equal(none.stdin, undefined);
  assert.deepEqual(await outcomeOf(none), { stdout: "", stderr: "", exitCode: 0 });
  const counted = await driver.start(container, command(["wc", "-c"], { stdin: true }));
  counted.stdin?.write(Buffer.alloc(300_000));
  counted.stdin?.end();
  assert.equal((await outcomeOf(counted)).stdout.trim(), "300000");
  // A process that does not read its input.
  const unread = await driver.start(container, command(["true"], { stdin: true }));
  unread.stdin?.on("error", () => undefined);
  unread.stdin?.write(Buffer.alloc(300_000));
  assert.equal((await within(5_000, outcomeOf(unread))).exitCode, 0);
});

test("backpressure: unread output pauses the process, and nothing is lost", async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const folder = await tempFolder(t);
  const script = `head -c 4000000 /dev/zero; touch ${folder}/done`;
  const started = await driver.start(container, sh(script));
  await pause(300);
  const { cpuNanos: before } = (await driver.usage(container)) ?? { cpuNanos: 0n };
  assert.deepEqual([started.stdout.readableLength <= 200_000, before >= 0n], [true, true]);
  assert.rejects(import("node:fs/promises").then((fs) => fs.stat(`${folder}/done`)));
  const { stdout, exitCode } = await outcomeOf(started);
  assert.deepEqual([stdout.length, exitCode], [4_000_000, 0]);
});

test("background processes of an exec keep running; its output ends when they are silent", async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const began = performance.now();
  const { stdout } = await within(
    4_000,
    run(driver, container, sh("(sleep 0.3; echo late; sleep 500) & echo first")),
  );
  assert.equal(stdout, "first\nlate\n");
  assert.ok(performance.now() - began > 1_200, "the output ended too early");
  // The main process and the background process.
  assert.equal((await driver.usage(container))?.processes, 2);
});

test("a slow reader gets all output that a background process wrote before it was silent", async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const started = await driver.start(container, sh("head -c 1000000 /dev/zero & sleep 500 & exit 3"));
  let length = 0;
  for await (const chunk of started.stdout) {
    length += chunk.length;
    if (length < 200_000) await pause(700);
  }
  assert.equal(length, 1_000_000);
  assert.equal((await started.exit).exitCode, 3);
});

test("the exit of the main process ends all processes of the container", async (t) => {
  const { driver } = await openDriver(t);
  const container = await createContainer(driver);
  const started = await driver.start(
    container,
    sh("trap '' TERM HUP; (setsid sleep 500 &) ; sleep 500 & read line", { stdin: true }),
  );
  const exec = await driver.start(container, sh("exec env -i sleep 500"));
  await until(async () => (await driver.usage(container))?.processes === 4, "four processes");
  started.stdin?.end("\n");
  const [main, other] = await within(30_000, Promise.all([outcomeOf(started), outcomeOf(exec)]));
  assert.deepEqual([main.exitCode, other.exitCode], [0, 137]);
  assert.equal(await driver.usage(container), undefined);
  await assert.rejects(driver.start(container, command(["true"])), { reason: "wrong_state" });
});

test("SIGKILL kills the descendants of a process, and no other processes", async (t) => {
  const { driver } = await openDriver(t);
  const { container, main } = await createIdleContainer(driver);
  const script = "(setsid sh -c 'sleep 500; true' &) ; sleep 500 & echo ready; wait";
  const [exec, other] = [
    await driver.start(container, sh(script)),
    await driver.start(container, sh("exec sleep 500")),
  ];
  await until(async () => (await driver.usage(container))?.processes === 6, "six processes");
  exec.kill("SIGKILL");
  assert.equal((await within(5_000, outcomeOf(exec))).exitCode, 137);
  await until(async () => (await driver.usage(container))?.processes === 2, "two processes left");
  main.kill("SIGKILL");
  assert.equal((await within(5_000, outcomeOf(other))).exitCode, 137);
});

test("the error of a program that cannot be started has the words of real runtimes", async (t) => {
  const { driver } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const folder = await tempFolder(t);
  await writeFile(`${folder}/plain`, "text");
  await writeFile(`${folder}/lost`, "#!/no/such/interpreter\n", { mode: 0o755 });
  const cases: [ReturnType<typeof command>, RegExp][] = [
    [command(["no-such-program"]), /executable file not found/],
    [command([""]), /executable file not found/],
    [command(["/no/such/file"]), /no such file/],
    [command([folder]), /is a directory/],
    [command([`${folder}/plain`]), /permission denied/],
    [command([`${folder}/lost`]), /no such file.*interpreter/],
    [command([`${folder}/plain/below`]), /no such file/],
    [command(["sh"], { env: { PATH: "/nowhere" } }), /executable file not found/],
    [command(["echo", "x".repeat(3_000_000)]), /argument list too long/],
    [command(["echo", "a\0b"]), /null bytes/],
    [command(["true"], { workingDir: `${folder}/plain` }), /not a directory/],
    [command(["no-such-program"], { tty: true }), /executable file not found/],
  ];
  for (const [spec, words] of cases)
    await assert.rejects(driver.start(container, spec), (error) => {
      assert.ok(isCriError(error), String(error));
      assert.deepEqual([error.code, error.reason], ["failed_precondition", "exec_not_started"]);
      assert.match(error.rawMessage, words);
      assert.equal(failedInRuntime(error.rawMessage).reason, "exec_not_started", error.rawMessage);
      return true;
    });
  assert.equal((await driver.usage(container))?.processes, 1);
});

test("the start of a main process can be repeated after a failure", async (t) => {
  const { driver } = await openDriver(t);
  const container = await createContainer(driver);
  await assert.rejects(driver.start(container, command(["no-such-program"])), { reason: "exec_not_started" });
  assert.equal((await run(driver, container, sh("exit 4"))).exitCode, 4);
});

test("a process has only its own environment and a few variables of the driver", async (t) => {
  const { driver, stateDir } = await openDriver(t);
  const { container } = await createIdleContainer(driver);
  const rootfs = `${stateDir}/containers/${container.id}/rootfs`;
  const { stdout } = await run(
    driver,
    container,
    command(["env", "-0"], { env: { A: "b\nc", "odd.name": "'" } }),
  );
  const env = Object.fromEntries(
    stdout
      .split("\0")
      .slice(0, -1)
      .map((line) => line.split(/=(.*)/s)),
  );
  const { CRI_SDK_EMBEDDED: marker, ...rest } = env;
  assert.match(marker, new RegExp(`^[0-9a-f]{16}/${container.id}/2/$`));
  assert.deepEqual(rest, {
    A: "b\nc",
    "odd.name": "'",
    HOME: rootfs,
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    PWD: rootfs,
    CRI_SDK_ROOTFS: rootfs,
  });
  const own = await run(
    driver,
    container,
    sh("echo $HOME $PATH", { env: { HOME: "/h", PATH: "/bin:/usr/bin" } }),
  );
  assert.equal(own.stdout, "/h /bin:/usr/bin\n");
});

test("the working directory is in the container's folder, on the host, or newly created", async (t) => {
  const { driver, stateDir } = await openDriver(t);
  const host = await tempFolder(t);
  await mkdir(`${host}/inner`);
  const mounts = [{ containerPath: "/data", hostPath: host, readonly: false }];
  const { container } = await createIdleContainer(driver, { mounts });
  const rootfs = `${stateDir}/containers/${container.id}/rootfs`;
  const pwd = async (workingDir: string) =>
    (await run(driver, container, command(["pwd", "-P"], { workingDir }))).stdout.trim();
  assert.equal(await pwd(""), rootfs);
  assert.equal(await pwd("/"), rootfs);
  assert.equal(await pwd("/tmp"), `${rootfs}/tmp`);
  assert.equal(await pwd("/data/inner"), `${host}/inner`);
  assert.equal(await pwd(host), host);
  assert.equal(await pwd("/made/for/it"), `${rootfs}/made/for/it`);
  assert.equal(await pwd("../../.."), rootfs);
});
