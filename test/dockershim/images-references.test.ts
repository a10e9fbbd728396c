// The dockershim's conversions of references, users, credentials and errors of pulls, without an engine.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { registryAuth } from "../../examples/dockershim/images/credentials.js";
import { imageUser } from "../../examples/dockershim/images/details.js";
import { pullError } from "../../examples/dockershim/images/pull-error.js";
import { fullNames, lookupName } from "../../examples/dockershim/images/resolve.js";
import { type CriError, connect, isCriError, parseReference } from "../../src/index.js";
import { memoryTransport } from "../../src/server.js";
import { AuthConfigSchema } from "../../src/v1.js";
import { failure } from "../support/failure.js";

const hex = "0123456789abcdef".repeat(4);

test("references become what the engine looks up", () => {
  const cases: [reference: string, expected: string | undefined][] = [
    ["busybox", "docker.io/library/busybox:latest"],
    ["busybox:1.37", "docker.io/library/busybox:1.37"],
    ["index.docker.io/library/busybox", "docker.io/library/busybox:latest"],
    ["localhost:5000/a/b:1", "localhost:5000/a/b:1"],
    [`a/b:1@sha256:${hex}`, `docker.io/a/b@sha256:${hex}`],
    [hex, `sha256:${hex}`],
    [`sha256:${hex}`, `sha256:${hex}`],
    // An id may be shortened to 12 digits.
    [hex.slice(0, 12), hex.slice(0, 12)],
    [`sha256:${hex.slice(0, 13)}`, `sha256:${hex.slice(0, 13)}`],
    // A shorter one is a name, for which the engine must not find an id.
    ["cafe", "docker.io/library/cafe:latest"],
    ["", undefined],
    ["a/Upper", undefined],
    ["a b", undefined],
    ["../info", undefined],
    ["a?b=c", undefined],
    ["a#b", undefined],
    ["a%2fb", undefined],
  ];
  for (const [reference, expected] of cases) assert.equal(lookupName(reference), expected, reference);
});

test("names of the engine become full names, and missing parts are left out", () => {
  assert.deepEqual(fullNames(null), []);
  assert.deepEqual(fullNames(["<none>:<none>", "<none>@<none>", `a@<none>`]), []);
  assert.deepEqual(fullNames(["busybox:1", "a/b:2", "localhost:5000/c:3", `busybox@sha256:${hex}`]), [
    "docker.io/a/b:2",
    "docker.io/library/busybox:1",
    `docker.io/library/busybox@sha256:${hex}`,
    "localhost:5000/c:3",
  ]);
});

test("the user of an image is a uid or a name", () => {
  const cases: [user: string, expected: object][] = [
    ["", { username: "" }],
    ["0", { uid: { value: 0n } }],
    ["1001:1002", { uid: { value: 1001n } }],
    ["app", { username: "app" }],
    ["app:staff", { username: "app" }],
    [":5", { username: "" }],
    ["12a", { username: "12a" }],
    // Not a number that fits.
    ["9".repeat(30), { username: "9".repeat(30) }],
  ];
  for (const [user, expected] of cases) assert.deepEqual(imageUser(user), expected, user);
});

test("credentials become one kind of login for one registry", () => {
  const login = (auth: object, registry = "localhost:5000") => {
    const header = registryAuth(create(AuthConfigSchema, auth), registry);
    return header && JSON.parse(String(Buffer.from(header, "base64url")));
  };
  const at = { serveraddress: "localhost:5000" };
  const password = { username: "me", password: "pässword" };
  const encoded = Buffer.from("me:pässword:x").toString("base64");
  assert.equal(registryAuth(undefined, "localhost:5000"), undefined);
  assert.equal(login({}), undefined);
  assert.deepEqual(login(password), { ...password, ...at });
  assert.deepEqual(login({ auth: encoded }), { username: "me", password: "pässword:x", ...at });
  assert.deepEqual(login({ identityToken: "id" }), { identitytoken: "id", ...at });
  assert.deepEqual(login({ registryToken: "reg" }), { registrytoken: "reg", ...at });
  // The engine would prefer the tokens.
  assert.deepEqual(login({ ...password, identityToken: "id", registryToken: "reg", auth: encoded }), {
    ...password,
    ...at,
  });
  assert.deepEqual(login({ username: "", identityToken: "id", auth: encoded }), {
    identitytoken: "id",
    ...at,
  });
  assert.deepEqual(login({ username: "me" }), { username: "me", password: "", ...at });
  // Another registry must not see them.
  for (const serverAddress of ["localhost:5000", "http://localhost:5000", "https://LOCALHOST:5000/v1/"])
    assert.deepEqual(login({ ...password, serverAddress }), { ...password, ...at }, serverAddress);
  for (const serverAddress of [
    "localhost",
    "example.org",
    "https://localhost:5000.example.org/",
    "https://a@b/",
  ])
    assert.equal(login({ ...password, serverAddress }), undefined, serverAddress);
  assert.deepEqual(login({ ...password, serverAddress: "https://index.docker.io/v1/" }, "docker.io"), {
    ...password,
    serveraddress: "https://index.docker.io/v1/",
  });
});

test("the header has the alphabet and the padding that the engine's decoder requires", () => {
  for (let length = 1; length < 9; length++) {
    const auth = create(AuthConfigSchema, { username: "?>ÿ", password: "~".repeat(length) });
    assert.match(registryAuth(auth, "docker.io") ?? "", /^(?:[\w-]{4})*(?:[\w-]{2}==|[\w-]{3}=)?$/);
  }
});

test("a malformed auth is refused without showing it", () => {
  for (const auth of ["!secret!", "c2VjcmV0", "bWU6c2VjcmV0Og", " bWU6cA=="])
    assert.throws(
      () => registryAuth(create(AuthConfigSchema, { auth }), "docker.io"),
      (error) => isCriError(error) && error.reason === "invalid_request" && !error.message.includes(auth),
      auth,
    );
});

/** The engine's texts, measured on 20.10 and 26.1, and the reason that a client of this SDK gets. */
const texts: [text: string, reason: string, image?: string][] = [
  ["manifest for localhost:1/a:1 not found: manifest unknown: manifest unknown", "image_missing"],
  ["repository localhost:1/a not found: name unknown: unknown", "image_missing"],
  ["manifest unknown", "image_missing"],
  [
    "error parsing HTTP 404 response body: invalid character '<' looking for beginning of value",
    "image_missing",
  ],
  ["no matching manifest for linux/amd64 in the manifest list entries", "image_missing"],
  ["manifest for localhost:1/a:403 not found: manifest unknown", "image_missing", "localhost:1/a:403"],
  ["manifest for denied:unauthorized not found: manifest unknown", "image_missing", "denied:unauthorized"],
  ['Head "http://localhost:1/v2/a/manifests/1": no basic auth credentials', "registry_denied"],
  ["unauthorized: authentication required", "registry_denied"],
  ["error parsing HTTP 403 response body: unexpected end of JSON input", "registry_denied"],
  [
    "pull access denied for localhost:1/a, repository does not exist or may require 'docker login': denied: no",
    "registry_denied",
  ],
  ['Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', "registry_unavailable"],
  [
    'Get "https://a.invalid/v2/": dial tcp: lookup a.invalid on 10.0.0.1:53: no such host',
    "registry_unavailable",
  ],
  ['Head "http://localhost:1/v2/a/manifests/1": EOF', "registry_unavailable"],
  ["received unexpected HTTP status: 502 Bad Gateway", "registry_unavailable"],
  ["toomanyrequests: You have reached your pull rate limit", "registry_unavailable"],
  ['Get "https://a/v2/": x509: certificate signed by unknown authority', "registry_unavailable"],
  ["failed to register layer: open /x: permission denied", "runtime_error"],
  ["filesystem layer verification failed for digest sha256:0", "runtime_error"],
];

test("errors of a pull have the code and the text from which clients see the reason", async () => {
  for (const [text, reason, image = "localhost:1/a:1"] of texts) {
    const error = pullError(parseReference(image), text);
    const pullImage = (): never => {
      throw error;
    };
    const cri = connect.through({ transport: memoryTransport({ image: { pullImage } }) });
    const seen: CriError = await failure(cri.image.pullImage({ image: { image } }));
    assert.equal(seen.reason, reason, text);
    // Only the kubelet's own error is recognized by its name instead.
    const own = reason === "registry_unavailable" ? "runtime_error" : reason;
    assert.equal(error.reason, own, text);
    assert.equal(
      error.rawMessage.startsWith("RegistryUnavailable: "),
      reason === "registry_unavailable",
      text,
    );
  }
});
