// With `killOnClose: true`, a shell starts the command. It must execute the command as the runtime would, and interpret nothing.
import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { failure } from "../support/failure.js";
import { textOf } from "../support/streaming-server.js";
import { containerId, hostRuntime, temporaryFolder } from "./support.js";

const builtins = [
  ["cd", "/"],
  ["exit", "3"],
  ["export"],
  ["if"],
  ["."],
  [":"],
  ["exec", "true"],
  ["{"],
  ["A=B"],
];

for (const killOnClose of [false, true]) {
  test(`killOnClose ${killOnClose}: builtins, keywords and folders are not started`, async (t) => {
    const { cri } = await hostRuntime(t);
    for (const command of [
      ...builtins,
      ["/etc"],
      ["/etc/passwd"],
      ["no-such-program"],
      ["/no/such"],
      ["--help"],
    ]) {
      const error = await failure(cri.runCommand(containerId, command, { killOnClose }));
      assert.equal(error.reason, "exec_not_started", command.join(" "));
    }
  });

  test(`killOnClose ${killOnClose}: programs, scripts and scripts of scripts are executed`, async (t) => {
    const { cri } = await hostRuntime(t);
    const folder = temporaryFolder(t);
    const script = executable(folder, "script", '#! /bin/sh\necho $# "$@"\n');
    const nested = executable(folder, "nested", `#!${script} one two\n`);
    const byEnv = executable(folder, "by-env", "#!/usr/bin/env sh\necho env\n");
    for (const [command, stdout] of [
      [["echo", "--", "-n", "$HOME", ""], "-- -n $HOME \n"],
      [["/bin/echo", "a b"], "a b\n"],
      [["[", "1", "=", "1", "]"], ""],
      [[script, "a", "b c"], "2 a b c\n"],
      [[nested, "x"], `3 one two ${nested} x\n`],
      [[byEnv], "env\n"],
    ] as const) {
      const done = await cri.runCommand(containerId, command, { killOnClose });
      assert.deepEqual([done.exitCode, done.stdout, done.stderr], [0, stdout, ""], command.join(" "));
    }
    for (const exitCode of [126, 127])
      assert.equal(
        (await cri.runCommand(containerId, ["sh", "-c", `exit ${exitCode}`], { killOnClose })).exitCode,
        exitCode,
      );
  });
}

// Without killOnClose, this is up to the runtime; Node's spawn() reads such files as scripts.
test("killOnClose true: files that the kernel does not execute are not read as scripts", async (t) => {
  const { cri } = await hostRuntime(t);
  for (const [name, file] of Object.entries(unexecutable(t))) {
    const session = await cri.exec(containerId, [file], { killOnClose: true });
    const output = textOf(session.stdout);
    session.stderr?.resume();
    assert.equal((await failure(session.ended)).reason, "exec_not_started", name);
    assert.equal(await output, "", name);
  }
});

test("killOnClose true: a refusal by the kernel is not output of the command", async (t) => {
  const { cri } = await hostRuntime(t);
  const bytes = readFileSync(process.execPath).subarray(0, 65_536);
  // The format is right, but the program that loads it does not exist.
  const at = bytes.indexOf("/lib64/ld-linux");
  if (at < 0) return t.skip("needs a dynamic program of Linux on x86-64");
  bytes.write("/lib64/no-linux", at);
  const file = executable(temporaryFolder(t), "program", bytes);
  for (const streams of [{}, { stdout: false }]) {
    const session = await cri.exec(containerId, [file], { killOnClose: true, ...streams });
    const outputs = Promise.all([textOf(session.stdout), textOf(session.stderr)]);
    assert.equal((await failure(session.ended)).reason, "exec_not_started");
    // Only the shell's own message remains.
    assert.doesNotMatch((await outputs).join(""), /!exec/);
  }
});

function executable(folder: string, name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  chmodSync(file, 0o755);
  return file;
}

/** Files with permission to be executed, all of which the kernel refuses. */
function unexecutable(t: TestContext): Record<string, string> {
  const folder = temporaryFolder(t);
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = readFileSync(process.execPath).subarray(0, 65_536);
    change(bytes);
    return bytes;
  };
  const foreign = executable(
    folder,
    "foreign",
    changed((bytes) => bytes.writeUInt16LE(0xfffe, 18)),
  );
  return {
    "a program for another CPU": foreign,
    "an object file": executable(
      folder,
      "object",
      changed((bytes) => bytes.writeUInt16LE(1, 16)),
    ),
    "a script without an interpreter": executable(folder, "plain", "echo interpreted\n"),
    "a script whose interpreter is missing": executable(
      folder,
      "missing",
      "#!/no/such/program\necho interpreted\n",
    ),
    "a script whose interpreter is for another CPU": executable(
      folder,
      "other",
      `#!${foreign}\necho interpreted\n`,
    ),
    "an empty file": executable(folder, "empty", ""),
  };
}
