import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isCriError } from "../../../src/core/index.js";
import { failedInRuntime } from "../../../src/streaming/outcomes.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";
import { command, created, driverOf, idle, outcomeOf, run, sh } from "./support.js";

test("output, errors and exit codes; a signal is 128 more", async (t) => {
  checkLeaks(t);
  const { driver } = await driverOf(t);
  const { one } = await idle(driver);
  const both = await run(driver, one, sh("echo out; echo err >&2; exit 7"));
  assert.deepEqual(both, { stdout: "out\n", stderr: "err\n", exitCode: 7 });
  assert.equal((await run(driver, one, sh("kill -USR1 $$"))).exitCode, 138);
  const slow = await driver.start(one, sh("exec sleep 600"));
  slow.kill("SIGTERM");
  assert.deepEqual(await outcomeOf(slow), { stdout: "", stderr: "", exitCode: 143 });
  slow.kill("SIGTERM");
});

test("a process opens its own streams by name, as another user too", async (t) => {
  const { driver } = await driverOf(t);
  const script = "echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin";
  const users = process.geteuid?.() === 0 ? [undefined, "65534:65534"] : [undefined];
  for (const user of users) {
    const { one } = await idle(driver, { user });
    const started = await driver.start(one, sh(script, { stdin: true }));
    started.stdin?.end("in");
    assert.deepEqual(await outcomeOf(started), { stdout: "out\nin", stderr: "err\n", exitCode: 0 });
  }
});

test("without stdin, the input has ended; with it, it ends when it is ended", async (t) => {
  const { driver } = await driverOf(t);
  const { one } = await idle(driver);
  const none = await driver.start(one, command(["cat"]));
  assert.equal(none.stdin, undefined);
  assert.deepEqual(await outcomeOf(none), { stdout: "", stderr: "", exitCode: 0 });
  const counted = await driver.start(one, command(["wc", "-c"], { stdin: true }));
  counted.stdin?.write(Buffer.alloc(300_000));
  counted.stdin?.end();
  assert.equal((await outcomeOf(counted)).stdout.trim(), "300000");
  // One that does not read its input ends all the same.
  const deaf = await driver.start(one, command(["true"], { stdin: true }));
  deaf.stdin?.on("error", () => undefined);
  deaf.stdin?.write(Buffer.alloc(300_000));
  assert.equal((await within(5_000, outcomeOf(deaf))).exitCode, 0);
});

test("an output that nobody reads holds the process, and nothing is lost", async (t) => {
  const { driver } = await driverOf(t);
  const { one } = await idle(driver);
  const folder = await tempFolder(t);
  const script = `head -c 4000000 /dev/zero; touch ${folder}/done`;
  const started = await driver.start(one, sh(script));
  await pause(300);
  const { cpuNanos: before } = (await driver.usage(one)) ?? { cpuNanos: 0n };
  assert.deepEqual([started.stdout.readableLength <= 200_000, before >= 0n], [true, true]);
  assert.rejects(import("node:fs/promises").then((fs) => fs.stat(`${folder}/done`)));
  const { stdout, exitCode } = await outcomeOf(started);
  assert.deepEqual([stdout.length, exitCode], [4_000_000, 0]);
});

test("what an exec'd process leaves in the background lives on, and is not waited for when it is silent", async (t) => {
  const { driver } = await driverOf(t);
  const { one } = await idle(driver);
  const began = performance.now();
  const { stdout } = await within(
    4_000,
    run(driver, one, sh("(sleep 0.3; echo late; sleep 500) & echo first")),
  );
  assert.equal(stdout, "first\nlate\n");
  assert.ok(performance.now() - began > 1_200, "given up too early");
  // The main process, and the one in the background.
  assert.equal((await driver.usage(one))?.processes, 2);
});

test("a slow reader gets all that a background process wrote before it fell silent", async (t) => {
  const { driver } = await driverOf(t);
  const { one } = await idle(driver);
  const started = await driver.start(one, sh("head -c 1000000 /dev/zero & sleep 500 & exit 3"));
  let length = 0;
  for await (const chunk of started.stdout) {
    length += chunk.length;
    if (length < 200_000) await pause(700);
  }
  assert.equal(length, 1_000_000);
  assert.equal((await started.exit).exitCode, 3);
});

test("when the main process ends, so does everything of its container", async (t) => {
  const { driver } = await driverOf(t);
  const one = await created(driver);
  const started = await driver.start(
    one,
    sh("trap '' TERM HUP; (setsid sleep 500 &) ; sleep 500 & read line", { stdin: true }),
  );
  const exec = await driver.start(one, sh("exec env -i sleep 500"));
  await until(async () => (await driver.usage(one))?.processes === 4, "four processes");
  const began = performance.now();
  started.stdin?.end("\n");
  const [main, other] = await within(5_000, Promise.all([outcomeOf(started), outcomeOf(exec)]));
  assert.deepEqual([main.exitCode, other.exitCode], [0, 137]);
  assert.ok(performance.now() - began < 1_500, "the end of the container takes too long");
  assert.equal(await driver.usage(one), undefined);
  await assert.rejects(driver.start(one, command(["true"])), { reason: "wrong_state" });
});

test("SIGKILL ends what a process started, and nothing else", async (t) => {
  const { driver } = await driverOf(t);
  const { one, main } = await idle(driver);
  const script = "(setsid sh -c 'sleep 500; true' &) ; sleep 500 & echo ready; wait";
  const [exec, other] = [await driver.start(one, sh(script)), await driver.start(one, sh("exec sleep 500"))];
  await until(async () => (await driver.usage(one))?.processes === 6, "six processes");
  exec.kill("SIGKILL");
  assert.equal((await within(5_000, outcomeOf(exec))).exitCode, 137);
  await until(async () => (await driver.usage(one))?.processes === 2, "two processes left");
  main.kill("SIGKILL");
  assert.equal((await within(5_000, outcomeOf(other))).exitCode, 137);
});

test("a program that cannot be started says why, in words that clients know", async (t) => {
  const { driver } = await driverOf(t);
  const { one } = await idle(driver);
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
    await assert.rejects(driver.start(one, spec), (error) => {
      assert.ok(isCriError(error), String(error));
      assert.deepEqual([error.code, error.reason], ["failed_precondition", "exec_not_started"]);
      assert.match(error.text, words);
      assert.equal(failedInRuntime(error.text).reason, "exec_not_started", error.text);
      return true;
    });
  assert.equal((await driver.usage(one))?.processes, 1);
});

test("a main process that could not be started may be tried again", async (t) => {
  const { driver } = await driverOf(t);
  const one = await created(driver);
  await assert.rejects(driver.start(one, command(["no-such-program"])), { reason: "exec_not_started" });
  assert.equal((await run(driver, one, sh("exit 4"))).exitCode, 4);
});

test("the environment is the one that was given, and little more", async (t) => {
  const { driver, stateDir } = await driverOf(t);
  const { one } = await idle(driver);
  const rootfs = `${stateDir}/containers/${one.id}/rootfs`;
  const { stdout } = await run(driver, one, command(["env", "-0"], { env: { A: "b\nc", "odd.name": "'" } }));
  const env = Object.fromEntries(
    stdout
      .split("\0")
      .slice(0, -1)
      .map((line) => line.split(/=(.*)/s)),
  );
  const { CRI_SDK_EMBEDDED: marker, ...rest } = env;
  assert.match(marker, new RegExp(`^[0-9a-f]{16}/${one.id}/2/$`));
  assert.deepEqual(rest, {
    A: "b\nc",
    "odd.name": "'",
    HOME: rootfs,
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    PWD: rootfs,
    CRI_SDK_ROOTFS: rootfs,
  });
  const own = await run(driver, one, sh("echo $HOME $PATH", { env: { HOME: "/h", PATH: "/bin:/usr/bin" } }));
  assert.equal(own.stdout, "/h /bin:/usr/bin\n");
});

test("the working directory is the container's, the host's, or made", async (t) => {
  const { driver, stateDir } = await driverOf(t);
  const host = await tempFolder(t);
  await mkdir(`${host}/inner`);
  const mounts = [{ containerPath: "/data", hostPath: host, readonly: false }];
  const { one } = await idle(driver, { mounts });
  const rootfs = `${stateDir}/containers/${one.id}/rootfs`;
  const pwd = async (workingDir: string) =>
    (await run(driver, one, command(["pwd", "-P"], { workingDir }))).stdout.trim();
  assert.equal(await pwd(""), rootfs);
  assert.equal(await pwd("/"), rootfs);
  assert.equal(await pwd("/tmp"), `${rootfs}/tmp`);
  assert.equal(await pwd("/data/inner"), `${host}/inner`);
  assert.equal(await pwd(host), host);
  assert.equal(await pwd("/made/for/it"), `${rootfs}/made/for/it`);
  assert.equal(await pwd("../../.."), rootfs);
});
