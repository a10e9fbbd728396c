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

/** The problems of an input as `path: message`. */
function problemsOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    assert.ok(isCriError(error));
    assert.deepEqual([error.code, error.reason], ["invalid_argument", "invalid_option"]);
    for (const { path } of error.problems) assert.ok(error.text.includes(path), `${path} is not in the text`);
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

test("an image is complete: every field is passed on, and every default is filled in", () => {
  const { id, digest, chainId, config, ...rest } = only(full);
  assert.deepEqual(rest, { ...full, names: ["localhost:5000/app:1", "docker.io/library/app:latest"] });
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
    labels: {},
    annotations: {},
    pinned: false,
    auth: undefined,
    pullMs: 0,
    layers: 1,
  });
  assert.deepEqual(bare.config, {});
});

test("ids follow from the content, and from nothing else", () => {
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
  // These are in the manifest alone.
  const annotated = only({ ...full, annotations: {} });
  assert.equal(annotated.id, id);
  assert.notEqual(annotated.digest, digest);
  const given = `sha256:${"a".repeat(64)}`;
  assert.equal(only({ ...full, digest: given }).digest, given);
});

test("an image is found by each of its names, by tag and by digest", () => {
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

test("what the caller does with the input later changes nothing", () => {
  const image = { names: ["a:1"], env: { A: "1" } };
  const catalogue = new ImageCatalogue([image]);
  image.names.push("b:1");
  image.env.A = "2";
  assert.deepEqual(catalogue.images[0]?.names, ["docker.io/library/a:1"]);
  assert.deepEqual(catalogue.with([]).images[0]?.env, { A: "1" });
});

test("one error tells all that is wrong, each with its path", () => {
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
    "images[0].names: is missing: what the image is pulled by",
    "images[1].size_bytes: is not known; did you mean sizeBytes?",
    'images[1].names[1]: failed to parse image reference "Bad": invalid reference format: repository name (library/Bad) must be lowercase',
    "images[1].names[2]: must be a text, got 7",
    `images[1].names[3]: must not have a digest, which is the image's own, got "x@sha256:${"0".repeat(64)}"`,
    "images[1].sizeBytes: must be a whole number of bytes, 1 or more, got 0",
    'images[1].user: must be a uid or a name, with or without a group: `1001:1002`, `app`, got "a b"',
    'images[1].env: "A=B" is no name for an environment variable',
    "images[1].env.C: must be a text, got 2",
    'images[1].entrypoint: must be a list of texts, got "/app"',
    "images[1].cmd[1]: must be a text, got null",
    'images[1].workingDir: must be an absolute path, got "srv"',
    'images[1].stopSignal: must be the name of a signal, such as SIGQUIT, got "quit"',
    "images[1].labels: must be an object of texts, got a list of 0",
    "images[1].annotations.a: must be a text, got false",
    'images[1].pinned: must be true or false, got "yes"',
    "images[1].auth.password: must be a text that is not empty",
    "images[1].pullMs: must be a number of milliseconds, 0 or more, got -1",
    "images[1].layers: must be a whole number, 1 to 127, got 1.5",
    'images[1].digest: must be sha256: and 64 hex digits in lower case, got "sha256:abc"',
    'images[2]: must be an object, got "busybox"',
    "images[3].names: must be a list of at least one name, got a list of 0",
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

test("a name belongs to one image", () => {
  assert.deepEqual(
    problemsOf(() => new ImageCatalogue([{ names: ["a"] }, { names: ["b", "docker.io/library/a:latest"] }])),
    ["images[1].names: docker.io/library/a:latest is a name of two images"],
  );
  assert.throws(() => defaultCatalogue().with([{ names: ["busybox"] }]), /two images/);
});

test("a catalogue file is the same, as JSON, and its errors tell where it is", () => {
  const catalogue = parseCatalogue(JSON.parse(JSON.stringify({ images: [full] })), "images.json");
  assert.equal(catalogue.images[0]?.id, only(full).id);
  assert.throws(() => parseCatalogue({ images: [{}] }, "images.json"), /the image catalogue images\.json/);
  assert.deepEqual(
    problemsOf(() => parseCatalogue([], "x")),
    ["images: must be in an object, { images: [...] }, got a list of 0"],
  );
  assert.deepEqual(
    problemsOf(() => parseCatalogue({ image: [] }, "x")),
    ["image: is not known; did you mean images?", "images: is missing: the list of images"],
  );
  assert.deepEqual(
    problemsOf(() => parseCatalogue({ images: {} }, "x")),
    ["images: must be a list of images, got an object"],
  );
  const keys = { names: ["a"], entryPoint: [], colour: 1, auth: { identityToken: "t", pasword: "x" } };
  assert.deepEqual(
    problemsOf(() => parseCatalogue({ images: [keys] }, "x")),
    [
      "images[0].entryPoint: is not known; did you mean entrypoint?",
      "images[0].colour: is not known",
      "images[0].auth.pasword: is not known",
    ],
  );
});

test("the default catalogue has BusyBox, and a pinned pause image", () => {
  const find = (name: string) => defaultCatalogue().find(parseReference(name));
  assert.equal(find("busybox")?.id, find("docker.io/library/busybox:1.37")?.id);
  assert.equal(find("quay.io/prometheus/busybox")?.id, find("busybox")?.id);
  assert.equal(find("registry.k8s.io/pause:3.10")?.pinned, true);
  assert.equal(find("nginx")?.stopSignal, "SIGQUIT");
  assert.equal(find("docker.io/library/busybox:none"), undefined);
});
