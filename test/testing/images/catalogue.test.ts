import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriError, parseReference } from "../../../src/core/index.js";
import {
  defaultCatalogue,
  type EmbeddedImage,
  ImageCatalogue,
  parseCatalogue,
} from "../../../src/testing/embedded/images/index.js";

const full: EmbeddedImage = {
  names: ["localhost:5000/app:1", "app"],
  sizeBytes: 1000,
  user: "1001:1002",
  env: { B: "2", A: "1" },
  entrypoint: ["/app"],
  cmd: ["serve"],
  workingDir: "/srv",
  stopSignal: "SIGQUIT",
  files: { "/etc/motd": "hi" },
  labels: { team: "a" },
  annotations: { note: "x" },
  pinned: true,
  auth: { username: "u", password: "p" },
  pullMs: 5,
  layers: 3,
};

function only(image: EmbeddedImage) {
  const [found] = new ImageCatalogue([image]).images;
  assert.ok(found);
  return found;
}

/** Returns the problems of an input as `path: message`. */
function problemsOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    assert.ok(isCriError(error));
    assert.deepEqual([error.code, error.reason], ["invalid_argument", "invalid_option"]);
    for (const { path } of error.problems)
      assert.ok(error.rawMessage.includes(path), `the text does not contain ${path}`);
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

test("an image keeps its fields and gets all defaults", () => {
  const { id, digest, chainId, config, ...rest } = only(full);
  assert.deepEqual(rest, {
    ...full,
    names: ["localhost:5000/app:1", "docker.io/library/app:latest"],
    files: new Map([["/etc/motd", Buffer.from("hi")]]),
  });
  assert.match(id, /^[0-9a-f]{64}$/);
  for (const hash of [digest, chainId, ...config.rootfs.diff_ids])
    assert.match(hash, /^sha256:[0-9a-f]{64}$/);
  assert.equal(config.rootfs.diff_ids.length, 3);
  assert.deepEqual(config.config, {
    User: "1001:1002",
    Env: ["A=1", "B=2"],
    Entrypoint: ["/app"],
    Cmd: ["serve"],
    WorkingDir: "/srv",
    StopSignal: "SIGQUIT",
    Labels: { team: "a" },
  });

  const { id: _, digest: __, chainId: ___, config: bare, ...defaults } = only({ names: ["x"] });
  assert.deepEqual(defaults, {
    names: ["docker.io/library/x:latest"],
    sizeBytes: 4_194_304,
    user: undefined,
    env: {},
    entrypoint: [],
    cmd: [],
    workingDir: "",
    stopSignal: undefined,
    files: new Map(),
    labels: {},
    annotations: {},
    pinned: false,
    auth: undefined,
    pullMs: 0,
    layers: 1,
  });
  assert.deepEqual(bare.config, {});
});

test("ids depend on the content only", () => {
  const { id, digest } = only(full);
  const same: EmbeddedImage[] = [
    structuredClone(full),
    { ...full, names: [...full.names].reverse(), env: { A: "1", B: "2" } },
    { ...full, pinned: false, pullMs: 0, auth: undefined },
  ];
  for (const image of same) assert.deepEqual([only(image).id, only(image).digest], [id, digest]);
  const others: EmbeddedImage[] = [
    { ...full, names: ["app"] },
    { ...full, user: "1001" },
    { ...full, env: { A: "1" } },
    { ...full, cmd: [] },
    { ...full, layers: 2 },
    { ...full, labels: {} },
  ];
  assert.equal(new Set([id, ...others.map((image) => only(image).id)]).size, 1 + others.length);
  // Annotations are in the manifest, not in the config.
  const annotated = only({ ...full, annotations: {} });
  assert.equal(annotated.id, id);
  assert.notEqual(annotated.digest, digest);
  const given = `sha256:${"a".repeat(64)}`;
  assert.equal(only({ ...full, digest: given }).digest, given);
});

test("finds an image by each of its names, with a tag or a digest", () => {
  const catalogue = new ImageCatalogue([full]).with([{ names: ["quay.io/other:2"] }]);
  const [app, other] = catalogue.images;
  assert.ok(app && other);
  const find = (name: string) => catalogue.find(parseReference(name));
  assert.equal(find("app"), app);
  assert.equal(find("docker.io/library/app:latest"), app);
  assert.equal(find("localhost:5000/app:1"), app);
  assert.equal(find(`localhost:5000/app@${app.digest}`), app);
  assert.equal(find(`localhost:5000/app:gone@${app.digest}`), app);
  assert.equal(find("quay.io/other:2"), other);
  assert.equal(find("localhost:5000/app"), undefined);
  assert.equal(find(`quay.io/other@${app.digest}`), undefined);
});

test("later changes of the input do not change the catalogue", () => {
  const image = { names: ["a:1"], env: { A: "1" } };
  const catalogue = new ImageCatalogue([image]);
  image.names.push("b:1");
  image.env.A = "2";
  assert.deepEqual(catalogue.images[0]?.names, ["docker.io/library/a:1"]);
  assert.deepEqual(catalogue.with([]).images[0]?.env, { A: "1" });
});

test("one error lists all problems with their paths", () => {
  const wrong = {
    names: ["OK/x:1", "Bad", 7, `x@sha256:${"0".repeat(64)}`],
    sizeBytes: 0,
    user: "a b",
    env: { "A=B": "1", C: 2 },
    entrypoint: "/app",
    cmd: ["x", null],
    workingDir: "srv",
    stopSignal: "quit",
    labels: [],
    annotations: { a: false },
    pinned: "yes",
    auth: { username: "u" },
    pullMs: -1,
    layers: 1.5,
    digest: "sha256:abc",
    size_bytes: 1,
  };
  const images = [{}, wrong, "busybox", { names: [] }] as unknown as EmbeddedImage[];
  const expected = [
    "images[0].names: is missing",
    "images[1].size_bytes: is not a known field; did you mean sizeBytes?",
    'images[1].names[1]: failed to parse image reference "Bad": invalid reference format: repository name (library/Bad) must be lowercase',
    "images[1].names[2]: must be a string, got 7",
    `images[1].names[3]: must not have a digest: it is computed from the image, got "x@sha256:${"0".repeat(64)}"`,
    "images[1].sizeBytes: must be an integer of at least 1, got 0",
    'images[1].user: must be a uid or a name, optionally with a group, such as `1001:1002` or `app`, got "a b"',
    'images[1].env: "A=B" is not a valid name of an environment variable',
    "images[1].env.C: must be a string, got 2",
    'images[1].entrypoint: must be an array of strings, got "/app"',
    "images[1].cmd[1]: must be a string, got null",
    'images[1].workingDir: must be an absolute path, got "srv"',
    'images[1].stopSignal: must be the name of a signal, such as SIGQUIT, got "quit"',
    "images[1].labels: must be an object of strings, got an array of 0",
    "images[1].annotations.a: must be a string, got false",
    'images[1].pinned: must be true or false, got "yes"',
    "images[1].auth.password: must be a non-empty string",
    "images[1].pullMs: must be 0 or more milliseconds, got -1",
    "images[1].layers: must be an integer from 1 to 127, got 1.5",
    'images[1].digest: must be `sha256:` and 64 lower-case hex digits, got "sha256:abc"',
    'images[2]: must be an object, got "busybox"',
    "images[3].names: must be an array of at least one name, got an array of 0",
  ];
  assert.deepEqual(
    problemsOf(() => new ImageCatalogue(images)),
    expected,
  );
  assert.deepEqual(
    problemsOf(() => parseCatalogue({ images }, "x.json")),
    expected,
  );
});

test("two images cannot have the same name", () => {
  assert.deepEqual(
    problemsOf(() => new ImageCatalogue([{ names: ["a"] }, { names: ["b", "docker.io/library/a:latest"] }])),
    ["images[1].names: docker.io/library/a:latest is already the name of another image"],
  );
  assert.throws(() => defaultCatalogue().with([{ names: ["busybox"] }]), /already the name of another image/);
});

test("parses a catalogue file; its errors contain the path of the file", () => {
  const catalogue = parseCatalogue(JSON.parse(JSON.stringify({ images: [full] })), "images.json");
  assert.equal(catalogue.images[0]?.id, only(full).id);
  assert.throws(() => parseCatalogue({ images: [{}] }, "images.json"), /the image catalogue images\.json/);
  assert.deepEqual(
    problemsOf(() => parseCatalogue([], "x")),
    [": must be an object, { images: [...] }, got an array of 0"],
  );
  assert.deepEqual(
    problemsOf(() => parseCatalogue({ image: [] }, "x")),
    ["image: is not a known field; did you mean images?", "images: is missing"],
  );
  assert.deepEqual(
    problemsOf(() => parseCatalogue({ images: {} }, "x")),
    ["images: must be an array of images, got an object"],
  );
  const keys = { names: ["a"], entryPoint: [], colour: 1, auth: { identityToken: "t", pasword: "x" } };
  assert.deepEqual(
    problemsOf(() => parseCatalogue({ images: [keys] }, "x")),
    [
      "images[0].entryPoint: is not a known field; did you mean entrypoint?",
      "images[0].colour: is not a known field",
      "images[0].auth.pasword: is not a known field",
    ],
  );
});

test("the default catalogue has BusyBox and a pinned pause image", () => {
  const find = (name: string) => defaultCatalogue().find(parseReference(name));
  assert.equal(find("busybox")?.id, find("docker.io/library/busybox:1.37")?.id);
  assert.equal(find("quay.io/prometheus/busybox")?.id, find("busybox")?.id);
  assert.equal(find("registry.k8s.io/pause:3.10")?.pinned, true);
  assert.equal(find("nginx")?.stopSignal, "SIGQUIT");
  assert.equal(find("docker.io/library/busybox:none"), undefined);
});
