import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { dockerAuth, parseReference, podmanAuth } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { until, within } from "../support/waiting.js";
import { base64, found, helpers, secret, shown, write } from "./support.js";

const prints = (user: string) =>
  `read server; printf '{"ServerURL":"%s","Username":"${user}","Secret":"of-%s"}' "$server" "$server"`;
const none = "echo credentials not found in native keychain; exit 1";

test("the registry's helper precedes the common helper and the file, and receives the server's name", async (t) => {
  checkLeaks(t);
  const { folder, env } = await helpers(t, {
    own: prints("own"),
    all: prints("all"),
    none,
    token: prints("<token>"),
  });
  const path = await write(folder, "config.json", {
    auths: { "empty.example": { auth: base64("file:pw") }, "own.example": {} },
    credsStore: "all",
    credHelpers: { "own.example": "own", "nothing.example": "none", "token.example": "token" },
  });
  const source = dockerAuth(path, { env });
  assert.deepEqual(await found(source, "own.example/x"), [{ username: "own", password: "of-own.example" }]);
  assert.deepEqual(await found(source, "nothing.example/x"), [
    { username: "all", password: "of-nothing.example" },
  ]);
  assert.deepEqual(await found(source, "token.example/x"), [{ identityToken: "of-token.example" }]);
  assert.deepEqual(await found(source, "busybox"), [
    { username: "all", password: "of-https://index.docker.io/v1/" },
  ]);
  assert.deepEqual(await found(podmanAuth(path, { env }), "own.example/x"), [
    { username: "own", password: "of-own.example" },
  ]);
  const without = await write(folder, "none.json", {
    auths: { "empty.example": { auth: base64("file:pw") } },
    credsStore: "none",
  });
  assert.deepEqual(await found(dockerAuth(without, { env }), "empty.example/x"), [
    { username: "file", password: "pw" },
  ]);
});

test("Docker Hub's helpers are called with Podman's and Docker's name; the helper \"\" means none", async (t) => {
  const { folder, env } = await helpers(t, {
    podman: `read server; [ "$server" = docker.io ] || { ${none}; }; echo '{"Username":"p","Secret":"w"}'`,
    docker: `read server; [ "$server" = https://index.docker.io/v1/ ] || { ${none}; }; echo '{"Username":"d","Secret":"w"}'`,
  });
  for (const name of ["podman", "docker"]) {
    const path = await write(folder, `${name}.json`, { credHelpers: { "docker.io": name } });
    const username = name.slice(0, 1);
    assert.deepEqual(await found(podmanAuth(path, { env }), "busybox"), [{ username, password: "w" }]);
  }
  const path = await write(folder, "none.json", {
    auths: { "r.example": { auth: base64("file:pw") } },
    credsStore: "podman",
    credHelpers: { "r.example": "" },
  });
  assert.deepEqual(await found(dockerAuth(path, { env }), "r.example/x"), [
    { username: "file", password: "pw" },
  ]);
});

test("a failed helper: the error names the program and contains none of its output", async (t) => {
  checkLeaks(t);
  const scripts = {
    exits: `echo '${secret}'; echo '${secret}' >&2; exit 3`,
    noise: `echo '${secret}'`,
    partly: `echo '{"Username":"${secret}"}'`,
    large: "head -c 3000000 /dev/zero",
    killed: "kill -9 $$",
  };
  const { folder, env } = await helpers(t, scripts);
  const expected: Readonly<Record<string, RegExp>> = {
    exits: /docker-credential-exits: exited with code 3/,
    noise: /did not print JSON with Username and Secret/,
    partly: /did not print JSON with Username and Secret/,
    large: /printed more than/,
    killed: /was killed/,
    absent: /docker-credential-absent: cannot be run/,
  };
  for (const [name, text] of Object.entries(expected)) {
    const path = await write(folder, `${name}.json`, { credsStore: name });
    const error = await failure(found(dockerAuth(path, { env }), "r.example/x"));
    assert.equal(error.reason, "credentials_failed");
    assert.match(error.rawMessage, text);
    assert.ok(!shown(error).includes(secret), name);
  }
});

test("a helper that hangs is killed with its children, after its timeout and on abort", async (t) => {
  checkLeaks(t);
  const { folder, env } = await helpers(t, {
    hangs: `echo $$ > "$HOME/pid"; sleep 600 & echo $! > "$HOME/child"; wait`,
  });
  const path = await write(folder, "config.json", { credsStore: "hangs" });
  const alive = async (file: string) => {
    const pid = Number(await readFile(join(folder, file), "utf8"));
    // A zombie is a dead process that was not reaped yet.
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    return stat !== "" && !/\) Z /.test(stat);
  };
  const bothEnded = async () => !(await alive("pid")) && !(await alive("child"));
  const started = async () => (await readFile(join(folder, "child"), "utf8").catch(() => "")).endsWith("\n");

  const late = await failure(found(dockerAuth(path, { env, helperTimeoutMs: 500 }), "r.example/x"));
  assert.match(late.rawMessage, /did not respond within 500 ms/);
  await until(started, "the start of the helper");
  await until(bothEnded, "the end of the helper and its child");

  await write(folder, "child", "");
  const stop = new AbortController();
  const waiting = dockerAuth(path, { env }).find(parseReference("r.example/x"), { signal: stop.signal });
  const refused = failure(Promise.resolve(waiting));
  await until(started, "the second start of the helper");
  stop.abort(new Error("stop"));
  assert.equal((await within(5_000, refused)).reason, "aborted_by_caller");
  await until(bothEnded, "the end of the second helper and its child");
});
