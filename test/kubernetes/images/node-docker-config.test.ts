// The node's own credentials: where the kubelet looks for them.
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parseReference } from "../../../src/index.js";
import { nodeDockerConfig } from "../../../src/kubernetes/images/node-docker-config.js";
import { tempFolder } from "../../support/temp.js";

const auth = (user: string) => ({ auth: Buffer.from(`${user}:secret`).toString("base64") });

test("the first valid config.json counts, else the first valid .dockercfg", async (t) => {
  const folder = await tempFolder(t);
  const [rootDir, workingDir, home] = ["root", "cwd", "home"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const source = nodeDockerConfig({ rootDir, workingDir, home });
  const users = async (image: string) => {
    const found = await source.find(parseReference(image), { signal: new AbortController().signal });
    return found.map(({ username }) => username);
  };
  const write = async (path: string, content: unknown) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), typeof content === "string" ? content : JSON.stringify(content));
  };
  const config = (user: string) => ({ auths: { "registry.example": auth(user) } });
  const image = "registry.example/app:1";
  assert.deepEqual(await users(image), []);

  // From the last place to the first: each one hides those before.
  await write("home/.dockercfg", { "registry.example": auth("home-cfg") });
  assert.deepEqual(await users(image), ["home-cfg"]);
  await write("cwd/.dockercfg", { "registry.example": auth("cwd-cfg") });
  assert.deepEqual(await users(image), ["cwd-cfg"]);
  await write("root/.dockercfg", { "registry.example": auth("root-cfg") });
  assert.deepEqual(await users(image), ["root-cfg"]);
  await write("home/.docker/config.json", config("home"));
  assert.deepEqual(await users(image), ["home"]);
  await write("cwd/config.json", config("cwd"));
  assert.deepEqual(await users(image), ["cwd"]);
  await write("root/config.json", config("root"));
  assert.deepEqual(await users(image), ["root"]);
  // Not valid, so the next one counts.
  await write("root/config.json", "{");
  assert.deepEqual(await users(image), ["cwd"]);
  await rm(join(folder, "cwd/config.json"));
  assert.deepEqual(await users(image), ["home"]);

  // Images match as for pull secrets, and helpers do not count.
  await write("root/config.json", {
    auths: {
      "*.example": auth("glob"),
      "registry.example/app": auth("app"),
      "https://index.docker.io/v1/": auth("hub"),
    },
    credsStore: "nothing",
    credHelpers: { "registry.example": "nothing" },
  });
  assert.deepEqual(await users(image), ["app", "glob"]);
  assert.deepEqual(await users("busybox"), ["hub"]);
});

test("options are checked", () => {
  assert.throws(() => nodeDockerConfig({ rootDir: "" }), /nodeDockerConfig: rootDir/);
});
