// Tokens of service accounts: which ones a Pod needs, and their files.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  defaultPod,
  type PodInputs,
  type PodSpec,
  playPod,
  tokenRequests,
  validatePod,
  volumePlans,
} from "../../../src/kubernetes/index.js";
import { scripted } from "../../support/embedded.js";
import { asRoot, nodeOf } from "../../support/node-files.js";
import { containerOf, podOf, vectorNode } from "../../support/pod-fixtures.js";

/** The volume that API servers add to Pods, with a second token. */
const access: NonNullable<PodSpec["volumes"]>[number] = {
  name: "kube-api-access-x",
  projected: {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
      { serviceAccountToken: { audience: "vault", path: "vault/token" } },
      { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
    ],
  },
};
const inputs: PodInputs = {
  serviceAccountTokens: { "kube-api-access-x/token": "one", "kube-api-access-x/vault/token": "two" },
};

function podWith(spec: Partial<PodSpec> = {}) {
  return podOf({ containers: [containerOf({})], volumes: [access], serviceAccountName: "robot", ...spec });
}

function planned(spec: Partial<PodSpec> = {}, given: PodInputs = inputs) {
  const [plan] = volumePlans(defaultPod(podWith(spec)), vectorNode, given);
  assert.ok(plan?.kind === "files");
  return plan;
}

/** Returns path, content, mode and user of each file of a token. */
function tokenFiles(spec: Partial<PodSpec> = {}) {
  return planned(spec)
    .files.filter(({ path }) => path.endsWith("token"))
    .map(({ path, content, mode, user }) => [path, Buffer.from(content).toString(), mode, user]);
}

test("tokenRequests lists what the volumes of a Pod need", () => {
  const volume = "kube-api-access-x";
  assert.deepEqual(tokenRequests(podWith()), [
    { key: `${volume}/token`, volume, path: "token", audience: undefined, expirationSeconds: 3607 },
    {
      key: `${volume}/vault/token`,
      volume,
      path: "vault/token",
      audience: "vault",
      expirationSeconds: 3600,
    },
  ]);
  assert.deepEqual(tokenRequests(podOf({ containers: [containerOf({})] })), []);
  assert.throws(() => tokenRequests(undefined as never), { reason: "invalid_option" });
});

test("tokens become files of a volume in memory", () => {
  assert.equal(planned().isSecret, true);
  assert.deepEqual(tokenFiles(), [
    ["token", "one", 0o644, undefined],
    ["vault/token", "two", 0o644, undefined],
  ]);
});

test("only the group or the user of a pod may read its tokens, where it has one", () => {
  const modes = (spec: Partial<PodSpec>) => tokenFiles(spec).map(([, , mode, user]) => [mode, user])[0];
  assert.deepEqual(modes({ securityContext: { fsGroup: 7 } }), [0o600, undefined]);
  assert.deepEqual(modes({ securityContext: { runAsUser: 5 } }), [0o600, 5]);
  const two = (...users: (number | undefined)[]) => ({
    containers: users.map((runAsUser, index) =>
      containerOf({ name: `c${index}`, ...(runAsUser !== undefined && { securityContext: { runAsUser } }) }),
    ),
  });
  assert.deepEqual(modes(two(5, 5)), [0o600, 5]);
  assert.deepEqual(modes(two(5, 6)), [0o644, undefined]);
  assert.deepEqual(modes(two(5, undefined)), [0o644, undefined]);
});

test("a missing token is an error of the volume", () => {
  assert.throws(() => planned({}, { serviceAccountTokens: { "kube-api-access-x/token": "one" } }), {
    waitingReason: "FailedMount",
    rawMessage:
      'MountVolume.SetUp failed for volume "kube-api-access-x" : spec.volumes[0].projected.sources[1].serviceAccountToken: failed to fetch token: there is none for "kube-api-access-x/vault/token"',
  });
});

test("service accounts are valid where tokens are given; playPod refuses them as before", async (t) => {
  const pod = podWith({ automountServiceAccountToken: true });
  assert.deepEqual(validatePod(pod, { inputs: { serviceAccountTokens: {} } }), []);
  const refused = (pod: Parameters<typeof validatePod>[0]) => validatePod(pod).map(({ path }) => path);
  const fields = [
    "spec.automountServiceAccountToken",
    "spec.serviceAccountName",
    "spec.volumes[0].projected.sources[0].serviceAccountToken",
    "spec.volumes[0].projected.sources[1].serviceAccountToken",
  ];
  assert.deepEqual(refused(pod).sort(), fields);
  const { cri } = await scripted(t);
  await assert.rejects(playPod(cri, pod), /serviceAccountToken: Forbidden: only an API server issues tokens/);
});

test("trust bundles and certificates stay refused where tokens are given", () => {
  const sources = [
    { clusterTrustBundle: { path: "ca" } },
    { podCertificate: { keyType: "RSA", signerName: "x/y" } },
  ];
  const pod = podOf({ containers: [containerOf({})], volumes: [{ name: "v", projected: { sources } }] });
  assert.deepEqual(
    validatePod(pod, { inputs: { serviceAccountTokens: {} } }).map(({ message }) => message),
    ["Forbidden: only an API server has trust bundles", "Forbidden: only an API server issues certificates"],
  );
});

test("readiness gates are valid where others set their conditions", () => {
  const pod = podOf({ containers: [containerOf({})], readinessGates: [{ conditionType: "x/ready" }] });
  assert.deepEqual(validatePod(pod, { readinessGates: true }), []);
  assert.equal(validatePod(pod).length, 1);
});

test("a rotated token replaces the file at once, with its owner and mode", asRoot, async (t) => {
  const { rootDir, files } = await nodeOf(t);
  const node = { ...vectorNode, rootDir };
  const pod = defaultPod(podWith({ securityContext: { runAsUser: 1234, fsGroup: 77 } }));
  const plans = (token: string) =>
    volumePlans(pod, node, {
      serviceAccountTokens: { ...inputs.serviceAccountTokens, "kube-api-access-x/token": token },
    });
  await files.preparePod(pod, plans("old"));
  const [{ hostPath = "" } = {}] = plans("old");
  const path = join(hostPath, "token");
  const read = () => {
    const { uid, gid, mode } = statSync(path);
    return [readFileSync(path, "utf8"), uid, gid, mode & 0o777];
  };
  assert.deepEqual(read(), ["old", 1234, 77, 0o640]);
  await files.updateVolumes(pod, plans("new"));
  assert.deepEqual(read(), ["new", 1234, 77, 0o640]);
  const before = statSync(path).ino;
  await files.updateVolumes(pod, plans("new"));
  assert.equal(statSync(path).ino, before);
});
