import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { parseCrictlConfig, readCrictlConfig } from "../../src/transport/crictl-config.js";
import { type Candidates, findCandidates, wellKnownCandidates } from "../../src/transport/discovery.js";
import { tempFolder } from "../support/temp.js";

/** Writes a crictl.yaml, and returns the environment that names it. */
async function crictl(t: TestContext, text: string) {
  const path = join(await tempFolder(t), "crictl.yaml");
  await writeFile(path, text);
  return { path, env: { CRI_CONFIG_FILE: path } };
}

/** An environment without endpoints: the default path of crictl.yaml is in a folder that does not exist. */
const empty = { USERPROFILE: "/does/not/exist" };

function shown({ runtime, image }: Candidates) {
  return {
    runtime: runtime.map(({ endpoint, source }) => `${endpoint.url} by ${source}`),
    image: image && `${image.endpoint.url} by ${image.source}`,
  };
}

test("the option comes before the variable, and the variable before crictl.yaml", async (t) => {
  const { path, env } = await crictl(
    t,
    "runtime-endpoint: unix:///file.sock\nimage-endpoint: unix:///file-images.sock\n",
  );
  const variables = {
    ...env,
    CONTAINER_RUNTIME_ENDPOINT: "unix:///env.sock",
    IMAGE_SERVICE_ENDPOINT: "/env-images.sock",
  };
  const both = { endpoint: "/option.sock", imageEndpoint: "unix:/option-images.sock" };
  const byOption = "unix:///option.sock by the endpoint option";
  const imagesByOption = "unix:///option-images.sock by the imageEndpoint option";
  const byEnv = "unix:///env.sock by CONTAINER_RUNTIME_ENDPOINT";
  const imagesByEnv = "unix:///env-images.sock by IMAGE_SERVICE_ENDPOINT";
  const { IMAGE_SERVICE_ENDPOINT, ...runtimeOnly } = variables;
  const { CONTAINER_RUNTIME_ENDPOINT, ...imageOnly } = variables;
  for (const [options, environment, runtime, image] of [
    [both, variables, byOption, imagesByOption],
    // A runtime endpoint in the code is also that of its images.
    [{ endpoint: "/option.sock" }, variables, byOption, undefined],
    [{}, variables, byEnv, imagesByEnv],
    [{ imageEndpoint: "/option-images.sock" }, variables, byEnv, imagesByOption],
    // The image endpoint of the file belongs to the runtime of the file.
    [{}, runtimeOnly, byEnv, undefined],
    [{}, imageOnly, `unix:///file.sock by ${path}`, imagesByEnv],
    [{}, env, `unix:///file.sock by ${path}`, `unix:///file-images.sock by ${path}`],
    [{ imageEndpoint: "/option-images.sock" }, env, `unix:///file.sock by ${path}`, imagesByOption],
    [{ endpoint: undefined, imageEndpoint: undefined }, variables, byEnv, imagesByEnv],
  ] as const)
    assert.deepEqual(shown(findCandidates(options, environment)), { runtime: [runtime], image });
});

test("without a named endpoint, the well-known sockets of the platform are used, in crictl's order", () => {
  const urls = (platform: NodeJS.Platform) =>
    wellKnownCandidates(platform).map(({ endpoint }) => endpoint.url);
  assert.deepEqual(urls("linux").slice(0, 3), [
    "unix:///run/containerd/containerd.sock",
    "unix:///run/crio/crio.sock",
    "unix:///var/run/cri-dockerd.sock",
  ]);
  assert.equal(urls("freebsd")[0], "unix:///var/run/containerd/containerd.sock");
  assert.deepEqual(urls("win32"), ["npipe:////./pipe/containerd-containerd", "npipe:////./pipe/cri-dockerd"]);
  const { runtime, image } = findCandidates({}, empty, "win32");
  assert.deepEqual([runtime, image], [wellKnownCandidates("win32"), undefined]);
  const images = { ...empty, IMAGE_SERVICE_ENDPOINT: "tcp://localhost:1", CONTAINER_RUNTIME_ENDPOINT: "" };
  assert.equal(
    shown(findCandidates({}, images, "win32")).image,
    "tcp://localhost:1 by IMAGE_SERVICE_ENDPOINT",
  );
});

test("crictl.yaml is not read if a runtime is named, so an invalid one does no harm", async (t) => {
  const { env } = await crictl(t, "{ not: yaml");
  findCandidates({ endpoint: "/option.sock" }, env);
  findCandidates({}, { ...env, CONTAINER_RUNTIME_ENDPOINT: "/env.sock" });
  assert.throws(() => findCandidates({}, env), { reason: "invalid_option" });
});

test("an invalid endpoint fails with invalid_endpoint, and the error names its source", async (t) => {
  const { path, env } = await crictl(t, "runtime-endpoint: run/x.sock\n");
  for (const [options, environment, who] of [
    [{ imageEndpoint: "x.sock" }, {}, "the imageEndpoint option"],
    [{ imageEndpoint: "" }, {}, "the imageEndpoint option"],
    [{}, { CONTAINER_RUNTIME_ENDPOINT: "ftp://x" }, "CONTAINER_RUNTIME_ENDPOINT"],
    [{}, { IMAGE_SERVICE_ENDPOINT: "unix:x" }, "IMAGE_SERVICE_ENDPOINT"],
    [{}, env, path],
  ] as const)
    assert.throws(() => findCandidates(options, environment), {
      code: "invalid_argument",
      reason: "invalid_endpoint",
      message: new RegExp(`from ${who}`),
    });
  for (const endpoint of ["", "x.sock"])
    assert.throws(() => findCandidates({ endpoint }, {}), { reason: "invalid_endpoint" });
});

test("the endpoints of crictl.yaml are read, other settings are ignored", () => {
  const read = (text: string) => {
    const { runtimeEndpoint, imageEndpoint } = parseCrictlConfig("/etc/crictl.yaml", text);
    return [runtimeEndpoint, imageEndpoint];
  };
  assert.deepEqual(
    read("runtime-endpoint: unix:///a\nimage-endpoint: unix:///b\ntimeout: 2\ndebug: true\n"),
    ["unix:///a", "unix:///b"],
  );
  assert.deepEqual(read('"runtime-endpoint": "unix:///a"\nnew-in-2030: [1, { x: y }]\n'), [
    "unix:///a",
    undefined,
  ]);
  assert.deepEqual(read('runtime-endpoint: ""\nimage-endpoint: null\n'), [undefined, undefined]);
  for (const empty of ["", "# only a comment\n", "{}"]) assert.deepEqual(read(empty), [undefined, undefined]);
});

test("the endpoints of crictl.yaml are those that a YAML parser reads", () => {
  for (const yaml of [
    "unix:///a",
    "unix:///a # the socket",
    "unix:///a#b",
    "'unix:///it''s'",
    '"unix:///a" # quoted',
    '"unix:///tab\\t"',
    "npipe:////./pipe/x",
    "tcp://127.0.0.1:1234",
    "~",
    "# nothing",
    "/run/x.sock",
  ]) {
    const text = `# crictl\n---\ndebug: false\nnested:\n  runtime-endpoint: unix:///nested\nruntime-endpoint: ${yaml}\n`;
    const { "runtime-endpoint": expected } = parse(text) as Record<string, string | null>;
    assert.equal(parseCrictlConfig("/etc/crictl.yaml", text).runtimeEndpoint, expected ?? undefined, yaml);
  }
});

test("an invalid crictl.yaml fails with invalid_option, the path and the reason", () => {
  for (const [text, why] of [
    ["runtime-endpoint: [unix:///a", /runtime-endpoint must be a string, got \[unix:\/\/\/a/],
    ["runtime-endpoint: unix:///a\nruntime-endpoint: unix:///b\n", /unique/],
    ["- unix:///a", /not a map of settings/],
    ["unix:///a", /not a map of settings/],
    ["42", /not a map of settings/],
    ["runtime-endpoint: 42", /runtime-endpoint must be a string, got 42/],
    ["runtime-endpoint: { a: b }", /runtime-endpoint must be a string, got \{ a: b \}/],
    ["image-endpoint: [unix:///a]", /image-endpoint must be a string, got \[unix:\/\/\/a\]/],
  ] as const)
    assert.throws(
      () => parseCrictlConfig("/etc/crictl.yaml", text),
      (error: Error) => {
        assert.match(error.message, why);
        assert.match(error.message, /\/etc\/crictl\.yaml.*invalid_option/s);
        return true;
      },
    );
});

test("a file that CRI_CONFIG_FILE names must be readable; the default file may be absent", async (t) => {
  const folder = await tempFolder(t);
  for (const path of [join(folder, "none.yaml"), folder])
    assert.throws(() => readCrictlConfig({ CRI_CONFIG_FILE: path }), {
      reason: "invalid_option",
      message: new RegExp(path),
    });
  assert.equal(readCrictlConfig({ USERPROFILE: folder }, "win32"), undefined);
  assert.equal(readCrictlConfig({}, "win32"), undefined);
  await mkdir(join(folder, ".crictl"));
  const path = join(folder, ".crictl", "crictl.yaml");
  await writeFile(path, "runtime-endpoint: npipe:////./pipe/x\n");
  assert.equal(
    readCrictlConfig({ USERPROFILE: folder, CRI_CONFIG_FILE: "" }, "win32")?.runtimeEndpoint,
    "npipe:////./pipe/x",
  );
});
